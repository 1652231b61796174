package cdp

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// pipe is Chrome's --remote-debugging-pipe: messages that end in a zero byte, read by Chrome from its
// file descriptor 3 and written by it to 4. Chrome exits by itself when the pipe closes, so that even
// after a SIGKILL of this program no browser is left behind.
type pipe struct {
	to   *os.File
	from *os.File
	in   *bufio.Reader
}

// newPipe returns our end, and the files for Chrome, to be closed once it has started.
func newPipe() (ours *pipe, theirs []*os.File, err error) {
	commandsOut, commandsIn, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	eventsOut, eventsIn, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, commandsOut.Close(), commandsIn.Close())
	}
	ours = &pipe{to: commandsIn, from: eventsOut, in: bufio.NewReaderSize(eventsOut, 64<<10)}
	return ours, []*os.File{commandsOut, eventsIn}, nil
}

func (p *pipe) Send(message []byte) error {
	_, err := p.to.Write(append(message, 0))
	return err
}

func (p *pipe) Read() ([]byte, error) {
	message, err := p.in.ReadBytes(0)
	if err != nil {
		if errors.Is(err, os.ErrClosed) {
			err = io.EOF
		}
		return nil, err
	}
	return message[:len(message)-1], nil
}

func (p *pipe) Close() error {
	return errors.Join(p.to.Close(), p.from.Close())
}
