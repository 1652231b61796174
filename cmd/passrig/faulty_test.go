package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The canaries are secrets that no report may show.
const (
	canaryCookie = "canary-cookie-5f1e0c7a"
	canaryToken  = "canary-token-93bd22e1"
)

// faulty FAULT serves a relying party with that fault until the script's end; its origin is $ORIGIN.
// A fault of "down" is a port where nobody listens.
func startFaulty(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "down" {
		freePort(ts, false, []string{"PORT"})
		ts.Setenv("ORIGIN", "http://localhost:"+ts.Getenv("PORT"))
		return
	}
	handler, ok := faults()[args[0]]
	if !ok {
		ts.Fatalf("no fault %q", args[0])
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	asked := make(chan struct{}, 1)
	server := &httptest.Server{Listener: listener, Config: &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case asked <- struct{}{}:
			default:
			}
			handler(w, r)
		}),
	}}
	server.Start()
	ts.Defer(func() { server.CloseClientConnections(); server.Close() })
	ts.Setenv("ORIGIN", "http://localhost:"+port)
	ts.Value(askedKey{}).(*hits).set(asked)
}

// askedKey is where a script keeps its hits.
type askedKey struct{}

// hits tells when the script's relying party has got a request.
type hits struct{ asked chan struct{} }

func (h *hits) set(asked chan struct{}) { h.asked = asked }

// asked waits until the faulty relying party has got a request.
func awaitAsked(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case <-ts.Value(askedKey{}).(*hits).asked:
	case <-time.After(20 * time.Second):
		ts.Fatalf("the relying party was never asked")
	}
}

const goodOptions = `{"challenge":"AAAAAAAAAAAAAAAAAAAAAA","rp":{"id":"localhost","name":"RP"},
	"user":{"id":"AAAA","name":"a","displayName":"A"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}`

// faults are what the answers of a broken relying party look like.
func faults() map[string]http.HandlerFunc {
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}
	return map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
			<-r.Context().Done()
		},
		"closes": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"challenge":`))
			panic(http.ErrAbortHandler)
		},
		"html": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Please sign in</title>"))
		},
		"big": answer(`{"padding":"` + strings.Repeat("x", 10<<20) + `"}`),
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/options", http.StatusTemporaryRedirect)
		},
		"wrong-rp-id":  answer(strings.Replace(goodOptions, `"id":"localhost"`, `"id":"login.example.test"`, 1)),
		"no-challenge": answer(`{"rp":{"id":"localhost","name":"RP"}}`),
		"no-cookie":    answer(goodOptions),
		"clock": func(w http.ResponseWriter, _ *http.Request) {
			then := time.Now().Add(-2 * time.Hour).UTC()
			w.Header().Set("Date", then.Format(http.TimeFormat))
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1", Path: "/", Expires: then.Add(time.Hour)})
			answer(goodOptions)(w, nil)
		},
		"crashes": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "panic", http.StatusInternalServerError) },
		"secretive": func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: canaryCookie, Path: "/"})
			if r.URL.Path != "/options" {
				http.Error(w, "no: "+r.Header.Get("Authorization")+" "+r.Header.Get("Cookie"), http.StatusForbidden)
				return
			}
			answer(strings.Replace(goodOptions, "{", `{"token":"`+canaryToken+`",`, 1))(w, r)
		},
	}
}
