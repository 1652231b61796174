// Package measure reads what processes have used, and sums samples up. It reads /proc, so it needs Linux.
package measure

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

// Process is a line of /proc/PID/stat.
type Process struct {
	PID, Parent int
	Name        string
	State       byte          // 'Z' when it has ended
	CPU         time.Duration // user and system, of all its threads
	Started     string        // tells it from another one with its PID
}

// ReadProcess returns false when there is no such process.
func ReadProcess(pid int) (Process, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, false
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')') // the name may have anything in it
	f := strings.Fields(string(data[end+1:]))
	if open < 0 || len(f) < 20 {
		return Process{}, false
	}
	p := Process{PID: pid, Name: string(data[open+1 : end]), State: f[0][0], Started: f[19]}
	p.Parent, _ = strconv.Atoi(f[1])
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	p.CPU = time.Duration(user+system) * tick
	if exact, ok := processorTime(pid); ok {
		p.CPU = exact
	}
	return p, true
}

// Family returns a process and everything below it.
func Family(root int) ([]Process, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]Process)
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		if p, ok := ReadProcess(pid); ok {
			children[p.Parent] = append(children[p.Parent], p)
		}
	}
	self, ok := ReadProcess(root)
	if !ok {
		return nil, fmt.Errorf("process %d is gone, or there is no /proc", root)
	}
	family := []Process{self}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i].PID]...)
	}
	return family, nil
}

// Sizes reads a file of /proc/PID that has sizes by name, such as "status" or "smaps_rollup", in MiB.
func Sizes(pid int, file string) (map[string]float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return nil, err
	}
	sizes := make(map[string]float64)
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		if number, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			kilobytes, _ := strconv.ParseFloat(number, 64)
			sizes[name] = kilobytes / 1024
		}
	}
	return sizes, nil
}
