package main

import (
	"fmt"
	"os"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// usage is what a contender has used so far, or holds now.
type usage struct {
	// Processor time: of the contender without its browser, of that, and of the relying party.
	client, browser, party time.Duration

	memory    float64 // MB of the browser: its share of every page of memory (PSS)
	anonymous float64 // MB of that which are no file's: other browsers, starting or ending, do not move it
	processes int     // of the browser
	files     int     // open ones, sockets and pipes among them, of contender and browser
}

// use reads the processor time of a contender and its browser.
func use(pid int) (usage, error) {
	family, err := measure.Family(pid)
	if err != nil {
		return usage{}, err
	}
	u := usage{client: family[0].CPU, processes: len(family) - 1}
	for _, p := range family[1:] {
		u.browser += p.CPU
	}
	return u, nil
}

// hold adds what a contender and its browser hold.
func hold(pid int) (usage, error) {
	u, err := use(pid)
	if err != nil {
		return u, err
	}
	family, err := measure.Family(pid)
	if err != nil {
		return u, err
	}
	for i, p := range family {
		open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID)) // it may have ended since
		u.files += len(open)
		if i == 0 {
			continue
		}
		sizes, err := measure.Sizes(p.PID, "smaps_rollup")
		if err != nil {
			continue
		}
		u.memory += sizes["Pss"]
		u.anonymous += sizes["Pss_Anon"]
	}
	return u, nil
}
