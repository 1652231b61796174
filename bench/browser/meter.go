package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc (USER_HZ, 100 on every architecture that Go runs on).
const tick = 10 * time.Millisecond

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent int
	name        string
	state       byte
	cpu         time.Duration
	started     string
}

func readProcess(pid int) (process, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')') // the name may have anything in it
	f := strings.Fields(string(data[end+1:]))
	if open < 0 || len(f) < 20 {
		return process{}, false
	}
	p := process{pid: pid, name: string(data[open+1 : end]), state: f[0][0], started: f[19]}
	p.parent, _ = strconv.Atoi(f[1])
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	p.cpu = time.Duration(user+system) * tick
	return p, true
}

// descendants returns a process and everything below it.
func descendants(root int) ([]process, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]process)
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		if p, ok := readProcess(pid); ok {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	self, ok := readProcess(root)
	if !ok {
		return nil, fmt.Errorf("process %d is gone, or there is no /proc", root)
	}
	family := []process{self}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i].pid]...)
	}
	return family, nil
}

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
	family, err := descendants(pid)
	if err != nil {
		return usage{}, err
	}
	u := usage{client: family[0].cpu, processes: len(family) - 1}
	for _, p := range family[1:] {
		u.browser += p.cpu
	}
	return u, nil
}

// hold adds what a contender and its browser hold.
func hold(pid int) (usage, error) {
	u, err := use(pid)
	if err != nil {
		return u, err
	}
	family, err := descendants(pid)
	if err != nil {
		return u, err
	}
	for i, p := range family {
		open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid)) // it may have ended since
		u.files += len(open)
		if i == 0 {
			continue
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			name, value, _ := strings.Cut(line, ":")
			kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			switch name {
			case "Pss":
				u.memory += kilobytes / 1024
			case "Pss_Anon":
				u.anonymous += kilobytes / 1024
			}
		}
	}
	return u, nil
}
