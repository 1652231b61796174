package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"
)

// answer is what came back.
type answer struct {
	status int
	cookie string // name and value, to be sent along with what follows
	body   []byte // valid until the next request
}

// must is an error for another status.
func (a answer) must(status int) error {
	if a.status != status {
		return fmt.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	return nil
}

// sender posts JSON for one worker.
type sender func(path, cookie string, body []byte) (answer, error)

// overNetHTTP makes senders that share a client of the standard library, as those of a program do.
func overNetHTTP(s settings) func() sender {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: s.workers}}
	send := func(path, cookie string, body []byte) (a answer, err error) {
		request, err := http.NewRequest(http.MethodPost, s.origin+path, bytes.NewReader(body))
		if err != nil {
			return a, err
		}
		request.Header.Set("Content-Type", "application/json")
		if cookie != "" {
			request.Header.Set("Cookie", cookie)
		}
		response, err := client.Do(request)
		if err != nil {
			return a, err
		}
		defer func() { err = errors.Join(err, response.Body.Close()) }()
		a.status = response.StatusCode
		a.cookie, _, _ = strings.Cut(response.Header.Get("Set-Cookie"), ";")
		a.body, err = io.ReadAll(response.Body)
		return a, err
	}
	return func() sender { return send }
}

// overFastHTTP makes senders that share a client of fasthttp, and reuse all else.
func overFastHTTP(s settings) func() sender {
	host := strings.TrimPrefix(s.origin, "http://")
	client := &fasthttp.HostClient{Addr: host, MaxConns: s.workers}
	return func() sender {
		request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		return func(path, cookie string, body []byte) (answer, error) {
			request.Reset()
			response.Reset()
			request.SetRequestURI(path)
			request.Header.SetHost(host)
			request.Header.SetMethod(fasthttp.MethodPost)
			request.Header.SetContentType("application/json")
			if cookie != "" {
				request.Header.Set("Cookie", cookie)
			}
			request.SetBodyRaw(body)
			if err := client.Do(request, response); err != nil {
				return answer{}, err
			}
			a := answer{status: response.StatusCode(), body: response.Body()}
			for _, value := range response.Header.Cookies() {
				first, _, _ := bytes.Cut(value, []byte(";"))
				a.cookie = string(first)
			}
			return a, nil
		}
	}
}
