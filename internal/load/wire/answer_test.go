package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// answers are seeds: real ones, and what they might be mistaken for.
var answers = []string{
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nSet-Cookie: sid=1; Path=/; HttpOnly\r\nSet-Cookie: csrf=2\r\n\r\n{\"ok\":true}",
	"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8\r\nETag: W/\"b-x\"\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nb\r\n{\"ok\":true}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Expires, X-Sum\r\n\r\n5;x=y\r\nhello\r\n1  \r\n \r\n0005\r\nworld\r\n0\r\nExpires: 1\r\nX-Sum: 2\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes",
	"HTTP/1.0 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: Close, x\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nX-Folded: a \r\n  b\r\n\tc\r\n \r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
	"HTTP/0.9 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nno colon\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
	"HTTP/0.0 000 \n\n0",
	"HTTP/0.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n0:0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"<html>not HTTP</html>\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "", "HTTP/1.1 200 OK\r\nContent-Le",
}

// outcome is what both readers must agree on.
type outcome struct {
	Status int
	Proto  string
	Header map[string][]string
	Body   string
	Close  bool
}

// viaNetHTTP reads an answer as net/http's client does.
func viaNetHTTP(src io.Reader, method string) (outcome, error) {
	in := bufio.NewReader(src)
	req := &http.Request{Method: method}
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return outcome{}, err
		}
		if resp.StatusCode >= 100 && resp.StatusCode <= 199 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
		if err == nil && len(body) > MaxBody {
			err = errBodyTooLong
		}
		return outcome{resp.StatusCode, resp.Proto, resp.Header, string(body), resp.Close}, err
	}
	return outcome{}, errors.New("too many interim answers")
}

func viaWire(src io.Reader, method string) (o outcome, keep bool, err error) {
	r := answerReader{from: new(buffers)}
	var resp Response
	r.start(src)
	if keep, err = r.read(method, &resp); err != nil {
		return o, false, err
	}
	o = outcome{resp.Status, resp.Proto, make(map[string][]string), string(resp.Body), r.close}
	for name, value := range resp.Fields() {
		key := http.CanonicalHeaderKey(string(name))
		o.Header[key] = append(o.Header[key], string(value))
	}
	return o, keep, nil
}

func compareAnswer(t *testing.T, raw []byte, method string) (accepted bool) {
	t.Helper()
	want, wantErr := viaNetHTTP(bytes.NewReader(raw), method)
	got, keep, err := viaWire(bytes.NewReader(raw), method)
	slow, _, slowErr := viaWire(iotest.OneByteReader(bytes.NewReader(raw)), method)
	if diff := cmp.Diff(got, slow); diff != "" || (err == nil) != (slowErr == nil) {
		t.Fatalf("read in pieces the answer is another one: %v, %v\n%s", err, slowErr, diff)
	}
	if err != nil {
		return false
	}
	if wantErr != nil {
		return false
	}
	if _, added := want.Header["Cache-Control"]; added && len(got.Header["Cache-Control"]) == 0 {
		delete(want.Header, "Cache-Control") // made up by net/http from Pragma
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s answered %q\nread other than net/http reads it:\n%s", method, raw, diff)
	}
	if keep && want.Close {
		t.Fatalf("the connection is kept, but the answer %q ends it", raw)
	}
	return true
}

func TestAnswers(t *testing.T) {
	accepted := 0
	for i, raw := range answers {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				if compareAnswer(t, []byte(raw), method) {
					accepted++
				}
				_, wantErr := viaNetHTTP(strings.NewReader(raw), method)
				_, _, err := viaWire(strings.NewReader(raw), method)
				if (err == nil) != (wantErr == nil) {
					t.Errorf("%s answered %q: error %v, net/http says %v", method, raw, err, wantErr)
				}
			}
		})
	}
	if accepted < len(answers) {
		t.Errorf("only %d answers were accepted", accepted)
	}
}

func TestConnectionIsKept(t *testing.T) {
	for raw, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":                                       true,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":            true,
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok":             true,
		"HTTP/1.1 204 No Content\r\n\r\n":                                                      true,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more":                             false,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nand more":    false,
		"HTTP/1.1 204 No Content\r\n\r\nand more":                                              false,
		"HTTP/1.1 200 OK\r\n\r\nok":                                                            false,
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok":                                       false,
		"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok":               false,
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n":        false,
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":       true,
		"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n": true,
		"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 5000):          true,
		"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 5001):          false,
		exactly(bufferSize) + "x":                                                              false,
	} {
		if _, keep, err := viaWire(strings.NewReader(raw), "GET"); err != nil || keep != want {
			t.Errorf("%q: kept %v, error %v; want %v", raw, keep, err, want)
		}
	}
}

// exactly is an answer of so many bytes, in chunks.
func exactly(size int) string {
	const before, after = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfa0;x\r\n", "\r\n0\r\n\r\n"
	padding := size - len(before) - 0xfa0 - len(after)
	return strings.Replace(before, ";x", ";x"+strings.Repeat("x", padding), 1) + strings.Repeat("y", 0xfa0) + after
}

// What a header says is not shown: it may be a cookie.
func TestHeadersAreNotShown(t *testing.T) {
	for _, header := range []string{"Set-Cookie: sid=s3cret\x00", "Set-Cookie sid=s3cret", ": s3cret", "Set-Cookie\x01: s3cret", " Set-Cookie: s3cret"} {
		_, _, err := viaWire(strings.NewReader("HTTP/1.1 200 OK\r\n"+header+"\r\n\r\n"), "GET")
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error %v", header, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for i, raw := range answers {
		f.Add([]byte(raw), uint8(i))
	}
	methods := []string{"GET", "HEAD", "POST"}
	f.Fuzz(func(t *testing.T, raw []byte, method uint8) {
		compareAnswer(t, raw, methods[int(method)%len(methods)])
	})
}

func TestLimits(t *testing.T) {
	endless := func(line string) io.Reader {
		return io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n"), strings.NewReader(strings.Repeat(line, 2*MaxHead/len(line))))
	}
	body := strings.NewReader(strings.Repeat("x", MaxBody+1))
	for name, c := range map[string]struct {
		src  io.Reader
		want error
	}{
		"head":    {endless("A: b\r\n"), errHeadTooLong},
		"length":  {strings.NewReader(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", MaxBody+1)), errBodyTooLong},
		"chunk":   {strings.NewReader(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", MaxBody+1)), errBodyTooLong},
		"overlap": {strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"), errBodyTooLong},
		"end":     {io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"), body), errBodyTooLong},
		"excess": {
			strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 500)+"\r\na\r\n", 100)), errNotHTTP,
		},
		"interim": {strings.NewReader(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxInterim+1)), errNotHTTP},
	} {
		if _, _, err := viaWire(c.src, "GET"); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func TestLargestAnswerIsRead(t *testing.T) {
	want := strings.Repeat("0123456789abcdef", MaxBody/16)
	var chunked strings.Builder
	chunked.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for piece := range slices.Chunk([]byte(want), 1000) {
		fmt.Fprintf(&chunked, "%x\r\n%s\r\n", len(piece), piece)
	}
	chunked.WriteString("0\r\n\r\n")
	for _, raw := range []string{
		fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", MaxBody, want), chunked.String(), "HTTP/1.0 200 OK\r\n\r\n" + want,
	} {
		got, _, err := viaWire(strings.NewReader(raw), "GET")
		if err != nil || got.Body != want {
			t.Errorf("%d bytes and error %v, want %d bytes", len(got.Body), err, len(want))
		}
	}
}
