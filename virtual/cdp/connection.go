package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/go-rod/rod/lib/proto"
)

// transport carries whole protocol messages, without framing.
type transport interface {
	// Send is called by one goroutine at a time.
	Send(message []byte) error
	// Read returns the next message; the slice is the caller's.
	Read() ([]byte, error)
	// Close makes Read return.
	Close() error
}

// protocolError is a refusal by the browser.
type protocolError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

func (e *protocolError) Error() string {
	if e.Data != "" {
		return fmt.Sprintf("%s (%d): %s", e.Message, e.Code, e.Data)
	}
	return fmt.Sprintf("%s (%d)", e.Message, e.Code)
}

// Codes of protocolError (JSON-RPC 2.0 §5.1).
const (
	codeServerError    = -32000
	codeUnknownSession = -32001
	codeUnknownMethod  = -32601
	codeBadParams      = -32602
)

type request struct {
	ID        int64  `json:"id"`
	SessionID string `json:"sessionId,omitempty"`
	Method    string `json:"method"`
	Params    any    `json:"params,omitempty"`
}

type response struct {
	ID        int64           `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *protocolError  `json:"error"`
}

// event is what the browser says unasked.
type event struct {
	session, method string
	params          json.RawMessage
}

// connection is a DevTools protocol connection. It stands in for rod's own lib/cdp client, whose
// package initialization reads -rod from the program's command line and panics on what it does not
// know there, and which panics on malformed messages.
type connection struct {
	transport transport
	// onEvent hears events in order. It runs on the reading goroutine: it must not call the browser.
	onEvent func(event)

	sending sync.Mutex

	mu      sync.Mutex
	last    int64
	pending map[int64]chan response
	gone    chan struct{} // closed when the connection has ended
	cause   error         // why, valid once gone is closed
}

// newConnection starts reading; the connection ends when the transport does.
func newConnection(t transport, onEvent func(event)) *connection {
	c := &connection{transport: t, onEvent: onEvent, pending: make(map[int64]chan response), gone: make(chan struct{})}
	go c.read()
	return c
}

func (c *connection) read() {
	for {
		message, err := c.transport.Read()
		if err != nil {
			c.end(err)
			return
		}
		var r response
		if err := json.Unmarshal(message, &r); err != nil {
			c.end(fmt.Errorf("message from the browser: %w", err))
			_ = c.transport.Close() // the browser goes when its connection does
			return
		}
		if r.ID == 0 {
			c.onEvent(event{r.SessionID, r.Method, r.Params})
			continue
		}
		c.mu.Lock()
		waiting, ok := c.pending[r.ID]
		delete(c.pending, r.ID)
		c.mu.Unlock()
		if ok {
			waiting <- r
		}
	}
}

func (c *connection) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cause = cause
	close(c.gone)
}

// Call implements [proto.Client]: it sends a command and waits for the answer, for ctx, or for the
// end of the connection.
func (c *connection) Call(ctx context.Context, sessionID, method string, params any) ([]byte, error) {
	answer := make(chan response, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.pending[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
	}()
	message, err := json.Marshal(&request{ID: id, SessionID: sessionID, Method: method, Params: params})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	if err := c.send(message); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", method, ErrBrowserGone, err)
	}
	select {
	case r := <-answer:
		if r.Error != nil {
			return nil, fmt.Errorf("%s: %w", method, r.Error)
		}
		return r.Result, nil
	case <-c.gone:
		return nil, fmt.Errorf("%s: %w", method, ErrBrowserGone)
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

func (c *connection) send(message []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.transport.Send(message)
}

// session is one end of the connection: a target, or with an empty id the browser itself.
type session struct {
	conn *connection
	id   string
}

// in binds the session to a context, as rod's typed commands want their client.
func (s session) in(ctx context.Context) boundSession {
	return boundSession{s, ctx}
}

// call sends a command whose parameters rod's types cannot say, and reads the result into result
// unless that is nil.
func (s session) call(ctx context.Context, method string, params, result any) error {
	data, err := s.conn.Call(ctx, s.id, method, params)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(data, result); err != nil {
		return fmt.Errorf("%s: result: %w", method, err)
	}
	return nil
}

type boundSession struct {
	session
	ctx context.Context //nolint:containedctx // the shape that rod's typed commands ask for
}

var (
	_ proto.Client      = boundSession{}
	_ proto.Contextable = boundSession{}
	_ proto.Sessionable = boundSession{}
)

func (b boundSession) Call(ctx context.Context, sessionID, method string, params any) ([]byte, error) {
	return b.conn.Call(ctx, sessionID, method, params)
}

func (b boundSession) GetSessionID() proto.TargetSessionID { return proto.TargetSessionID(b.id) }
func (b boundSession) GetContext() context.Context         { return b.ctx }

// refused reports whether the browser answered with an error of this code.
func refused(err error, code int) bool {
	e, ok := errors.AsType[*protocolError](err)
	return ok && e.Code == code
}
