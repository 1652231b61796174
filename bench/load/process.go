package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// process is a program that runs on one processor.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
	ended  chan struct{} // closed then
	err    error         // how; not before it has ended
}

// start starts a program; it is killed when ctx ends.
func start(ctx context.Context, processor int, command []string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, command[0], command[1:]...), ended: make(chan struct{})} //nolint:gosec // G204: this program, or one of ours
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := startOn(processor, p.cmd); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait returns when the program has ended, with an error if that was no good end.
func (p *process) wait() error {
	<-p.ended
	if p.err != nil {
		return p.failure(p.err)
	}
	return nil
}

// failure is an error with what the program said of it.
func (p *process) failure(err error) error {
	said := strings.TrimSpace(p.stdout.String() + p.stderr.String())
	if len(said) > 2000 {
		said = said[:1000] + " … " + said[len(said)-1000:]
	}
	return fmt.Errorf("%w\n%s", err, said)
}

// kill ends a program that is not to go on.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// usage is what a process has used so far.
func (p *process) usage() (time.Duration, error) {
	now, ok := measure.ReadProcess(p.cmd.Process.Pid)
	if !ok || now.State == 'Z' {
		return 0, errors.New("it has ended before it was measured")
	}
	return now.CPU, nil
}

// party is the process of a server.
type party struct {
	cmd    *exec.Cmd
	asks   io.WriteCloser
	says   *json.Decoder
	origin string
}

// startParty starts a server, which is killed when ctx ends.
func startParty(ctx context.Context, processor int, command []string, stderr io.Writer) (*party, error) {
	p := &party{cmd: exec.CommandContext(ctx, command[0], command[1:]...)} //nolint:gosec // G204: this program
	p.cmd.Stderr = stderr
	var err error
	if p.asks, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.says = json.NewDecoder(bufio.NewReader(out))
	if err := startOn(processor, p.cmd); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	var s state
	if err := p.says.Decode(&s); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), p.stop())
	}
	p.origin = s.Origin
	return p, nil
}

// state asks what the server has done so far.
func (p *party) state() (s state, err error) {
	if _, err = io.WriteString(p.asks, "\n"); err == nil {
		err = p.says.Decode(&s)
	}
	if err != nil {
		err = fmt.Errorf("server: %w", err)
	}
	return s, err
}

// cpu is the processor time that it has used.
func (p *party) cpu() time.Duration {
	now, _ := measure.ReadProcess(p.cmd.Process.Pid) // when it is gone, it does not answer either
	return now.CPU
}

func (p *party) stop() error {
	return errors.Join(p.asks.Close(), p.cmd.Wait())
}
