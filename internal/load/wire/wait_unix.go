//go:build unix

package wire

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// waiter sends a request and waits for the answer in one wait for the socket. That takes as many system calls as a write
// and a read that at first finds nothing, but the read comes before the write, and tells whether the server is still there.
type waiter struct {
	socket  syscall.RawConn
	step    func(fd uintptr) bool // method value, made once
	conn    *conn
	request *buffer // until it is written
	to      *buffers
	err     error
	probe   [1]byte
}

func (w *waiter) ready() bool { return w.socket != nil }

func (w *waiter) start(c *conn) {
	tcp, ok := c.raw.(*net.TCPConn)
	if !ok {
		return
	}
	socket, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	w.socket, w.conn, w.step = socket, c, w.next
}

// send returns when something can be read, or nothing will be.
func (w *waiter) send(request *buffer, to *buffers) error {
	w.request, w.to, w.err = request, to, nil
	err := w.socket.Read(w.step)
	w.release()
	if w.err != nil {
		return w.err
	}
	return err
}

func (w *waiter) release() {
	if w.request != nil {
		w.to.put(w.request)
		w.request = nil
	}
}

// next is called with the socket's read lock held, which a write does not need: once at the beginning, and then
// whenever there may be something to read.
func (w *waiter) next(fd uintptr) (done bool) {
	if w.request == nil {
		return true
	}
	if w.conn.used {
		if w.err = w.alive(int(fd)); w.err != nil {
			return true
		}
	}
	_, w.err = w.conn.raw.Write(w.request.bytes)
	w.release()
	return w.err != nil
}

// look says whether the server has ended the connection, or sent something, since the last answer. It does not wait.
func (w *waiter) look() error {
	if !w.ready() {
		return nil
	}
	w.err = nil
	err := w.socket.Control(w.glance)
	if w.err != nil {
		return w.err
	}
	return err
}

func (w *waiter) glance(fd uintptr) { w.err = w.alive(int(fd)) }

// alive reads what must not be there yet.
func (w *waiter) alive(fd int) error {
	for {
		n, err := syscall.Read(fd, w.probe[:])
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errStale, err)
		case n > 0:
			return fmt.Errorf("%w: it sent something unasked", errStale)
		default:
			return errStale
		}
	}
}
