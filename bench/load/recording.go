package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/passrig/passrig/virtual"
)

// What is done over and over.
const (
	login        = "login"
	registration = "registration"
)

// exchange is a request of the demo relying party and its answer to it.
type exchange struct {
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"` // of the request
	Status int             `json:"status"`
	Answer []byte          `json:"answer"` // as it came over the wire
}

// recording is a login and a registration on the demo relying party, by what is done. The null server gives
// its answers, and the floors send its requests.
type recording map[string][]exchange

// record has a user register and log in on a demo relying party, once.
func record(ctx context.Context) (recording, error) {
	party, err := serveDemo(ctx)
	if err != nil {
		return nil, err
	}
	defer party.stop()
	device, err := virtual.NewSoftwareDevice(virtual.Config{Algorithms: []string{"ES256"}})
	if err != nil {
		return nil, err
	}
	r := &recorder{origin: party.origin, device: device, taken: make(recording)}
	for _, step := range []func(context.Context) error{r.register, r.login} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("record the demo relying party: %w", err)
		}
	}
	return r.taken, nil
}

type recorder struct {
	origin string
	device *virtual.SoftwareDevice
	taken  recording
	cookie string // of the session
}

// user is one whose name is as long as those of derived users.
const user = `{"username":"load-00000001","displayName":"load-00000001"}`

func (r *recorder) register(ctx context.Context) error {
	if _, err := r.post(ctx, registration, "/api/signup", user); err != nil {
		return err
	}
	options, err := r.post(ctx, registration, "/api/register/options", "{}")
	if err != nil {
		return err
	}
	made, err := r.device.Create(ctx, virtual.CreateRequest{Origin: r.origin, Options: options.publicKey()})
	if err != nil {
		return err
	}
	return r.finish(ctx, registration, "/api/register/result", made)
}

// login records options that name no credential, so that they fit every user's, but that are as long as
// those that do.
func (r *recorder) login(ctx context.Context) error {
	r.cookie = ""
	named, err := r.post(ctx, login, "/api/login/options", `{"username":"load-00000001"}`)
	if err != nil {
		return err
	}
	r.cookie = ""
	r.taken[login] = nil
	options, err := r.post(ctx, login, "/api/login/options", "{}")
	if err != nil {
		return err
	}
	got, err := r.device.Get(ctx, virtual.GetRequest{Origin: r.origin, Options: options.publicKey()})
	if err != nil {
		return err
	}
	if err := r.finish(ctx, login, "/api/login/result", got); err != nil {
		return err
	}
	first := &r.taken[login][0]
	first.Body = named.Body
	first.pad(len(named.body()) - len(first.body()))
	return nil
}

// finish sends what the device made.
func (r *recorder) finish(ctx context.Context, what, path string, credential any) error {
	body, err := json.Marshal(map[string]any{"credential": credential})
	if err != nil {
		return err
	}
	_, err = r.post(ctx, what, path, string(body))
	return err
}

// post sends a request as a client that keeps its connection would, on one of its own.
func (r *recorder) post(ctx context.Context, what, path, body string) (x exchange, err error) {
	host := strings.TrimPrefix(r.origin, "http://")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.origin+path, strings.NewReader(body))
	if err != nil {
		return x, err
	}
	request.Header.Set("Content-Type", "application/json")
	if r.cookie != "" {
		request.Header.Set("Cookie", r.cookie)
	}
	if err := request.Write(conn); err != nil {
		return x, err
	}
	var wire bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &wire)), request)
	if err != nil {
		return x, err
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return x, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return x, fmt.Errorf("%s: status %d: %s", path, response.StatusCode, answer)
	}
	if session, _, _ := strings.Cut(response.Header.Get("Set-Cookie"), ";"); session != "" {
		r.cookie = session
	}
	x = exchange{Path: path, Body: json.RawMessage(body), Status: response.StatusCode, Answer: wire.Bytes()}
	r.taken[what] = append(r.taken[what], x)
	return x, response.Body.Close()
}

// body is the answer's.
func (x *exchange) body() []byte {
	_, body, _ := bytes.Cut(x.Answer, []byte("\r\n\r\n"))
	return body
}

// publicKey are the options in the answer.
func (x *exchange) publicKey() json.RawMessage {
	var options struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	_ = json.Unmarshal(x.body(), &options) // options that are none are refused by the device
	return options.PublicKey
}

// pad adds so many spaces to the answer's body, which JSON may have at its end.
func (x *exchange) pad(n int) {
	length := len(x.body())
	old, padded := fmt.Sprintf("Content-Length: %d\r\n", length), fmt.Sprintf("Content-Length: %d\r\n", length+n)
	x.Answer = append(bytes.Replace(x.Answer, []byte(old), []byte(padded), 1), bytes.Repeat([]byte(" "), n)...)
}
