package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// passrig is the package virtual/cdp, as the browser driver uses it.
type passrig struct {
	software bool // the page's ceremonies are answered by the software authenticator
	split    bool // only get() happens in the browser
	match    match
	browser  *cdp.Browser
	api      *http.Transport
}

func (p *passrig) start(ctx context.Context, m match) (string, error) {
	p.match = m
	p.api = &http.Transport{MaxIdleConnsPerHost: 100}
	var err error
	p.browser, err = cdp.Launch(ctx, cdp.Config{Path: m.Browser, Hidden: m.Hidden, NoSandbox: m.NoSandbox})
	if err != nil {
		return "", err
	}
	return p.browser.Version(), nil
}

func (p *passrig) open(ctx context.Context) (visitor, error) {
	var cfg cdp.DeviceConfig
	if p.software {
		s, err := virtual.NewSoftwareDevice(virtual.Config{Algorithms: []string{"ES256"}})
		if err != nil {
			return nil, err
		}
		cfg = cdp.DeviceConfig{Software: s, Platform: true}
	}
	d, err := p.browser.NewDevice(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := d.Page().Goto(ctx, p.match.Page); err != nil {
		return nil, err
	}
	page := onPage{d, p.match}
	if !p.split {
		return page, nil
	}
	jar, err := cookiejar.New(nil)
	return split{page, &http.Client{Jar: jar, Transport: p.api}}, err
}

func (p *passrig) stop() error {
	if p.browser == nil {
		return nil
	}
	p.api.CloseIdleConnections()
	return p.browser.Close()
}

// onPage is a visitor whose logins are the page's.
type onPage struct {
	device *cdp.Device
	match  match
}

func (v onPage) evaluate(ctx context.Context, script string) (string, error) {
	value, err := v.device.Page().Evaluate(ctx, script)
	if err != nil {
		return "", err
	}
	var name string
	return name, json.Unmarshal(value, &name)
}

func (v onPage) enroll(ctx context.Context, name string) error {
	_, err := v.evaluate(ctx, call(v.match.Enroll, name))
	return err
}

func (v onPage) login(ctx context.Context) (string, error) {
	return v.evaluate(ctx, v.match.Login)
}

func (v onPage) leave(context.Context) error { return v.device.Close() }

// split is a visitor who fetches the options and sends the response without the browser.
type split struct {
	onPage
	client *http.Client
}

func (v split) login(ctx context.Context) (string, error) {
	var options struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	if err := v.post(ctx, "/api/login/options", struct{}{}, &options); err != nil {
		return "", err
	}
	got, err := v.device.Get(ctx, virtual.GetRequest{Origin: v.match.Origin, Options: options.PublicKey})
	if err != nil {
		return "", err
	}
	var result struct {
		User struct {
			Username string `json:"username"`
		} `json:"user"`
	}
	err = v.post(ctx, "/api/login/result", map[string]any{"credential": got}, &result)
	return result.User.Username, err
}

func (v split) post(ctx context.Context, path string, body, into any) (err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.match.Origin+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := v.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d: %s", path, response.StatusCode, answer)
	}
	return json.Unmarshal(answer, into)
}

// call is a JavaScript expression that calls a function with a string.
func call(function, argument string) string { return fmt.Sprintf("(%s)(%q)", function, argument) }
