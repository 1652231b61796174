package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/report"
)

// The test binary is also the program that a test starts beside itself: what it should be is in its environment.
const role = "PASSRIG_WIRE_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "canned":
		err = serveCanned(os.Stdout)
	case "crowd":
		err = crowd(os.Stdin, os.Stdout)
	case "starve":
		err = starve(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child starts the test binary in a role. It ends when its input does.
func child(tb testing.TB, as string) (in io.Writer, out *bufio.Reader) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), role+"="+as)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
		cancel()
	})
	return stdin, bufio.NewReader(stdout)
}

func readLine(tb testing.TB, out *bufio.Reader) string {
	tb.Helper()
	line, err := out.ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// Answers of a relying party, of the usual size.
var (
	cannedOptions = cannedAnswer(`{"challenge":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE","timeout":60000,"rpId":"localhost","allowCredentials":[],"userVerification":"preferred"}`)
	cannedResult  = cannedAnswer(`{"verified":true,"user":{"name":"load-000001","displayName":"Load 1"}}`)
)

func cannedAnswer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"+
		"Cache-Control: no-store\r\nSet-Cookie: sid=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; SameSite=Lax\r\n\r\n%s", len(body), body)
}

// serveCanned is a server that costs next to nothing, until its input ends.
func serveCanned(out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go answerCanned(c)
	}
}

func answerCanned(c net.Conn) {
	defer c.Close()
	buf, n := make([]byte, 8<<10), 0
	for {
		head := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		if head >= 0 {
			length := 0
			if _, rest, ok := bytes.Cut(buf[:head], []byte("Content-Length: ")); ok {
				digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
				length, _ = strconv.Atoi(string(digits))
			}
			if n >= head+4+length {
				answer := cannedResult
				if buf[0] == 'G' {
					answer = cannedOptions
				}
				if _, err := io.WriteString(c, answer); err != nil {
					return
				}
				n = copy(buf, buf[head+4+length:n])
				continue
			}
		}
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			return
		}
	}
}

// loginRequests are the two requests of a login, as they go to a relying party.
func loginRequests(s *wire.Server) (options, result *wire.Request) {
	usual := []wire.Header{
		{Name: "Accept", Value: []byte("application/json, text/html;q=0.8, */*;q=0.5")},
		{Name: "User-Agent", Value: []byte("passrig")},
	}
	body := `{"id":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE","rawId":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE","type":"public-key","response":{` +
		`"clientDataJSON":"` + strings.Repeat("x", 180) + `","authenticatorData":"` + strings.Repeat("x", 50) + `","signature":"` + strings.Repeat("x", 96) + `","userHandle":"MDEy"}}`
	options = &wire.Request{Method: "GET", Server: s, Target: []byte("/login/options?username=load-000001"), Headers: usual}
	result = &wire.Request{
		Method: "POST", Server: s, Target: []byte("/login/result"), Body: []byte(body), Cookie: []byte("sid=0123456789abcdef0123456789abcdef"),
		Headers: []wire.Header{usual[0], {Name: "Content-Type", Value: []byte("application/json")}, {Name: "Origin", Value: []byte("http://localhost:8080")}, usual[1]},
	}
	return options, result
}

func TestKeptConnectionDoesNotAllocate(t *testing.T) {
	_, out := child(t, "canned")
	client := newClient(t, wire.NewFast, wire.Config{})
	s := serverOf(t, client, "http://"+readLine(t, out))
	line := newLine(t, client)
	options, result := loginRequests(s)
	var resp wire.Response
	allocs := testing.AllocsPerRun(200, func() {
		for _, req := range []*wire.Request{options, result} {
			if err := line.Do(t.Context(), req, &resp, time.Minute); err != nil || resp.Status != 200 {
				t.Fatal(resp.Status, err)
			}
		}
	})
	if allocs != 0 && !raceEnabled { // with which pools forget on purpose
		t.Errorf("%v allocations for two requests on a kept connection, want none", allocs)
	}
}

// BenchmarkLogin measures CPU time of this process only: the server is another one.
func BenchmarkLogin(b *testing.B) {
	_, out := child(b, "canned")
	base := "http://" + readLine(b, out)
	for _, c := range clients {
		for _, mode := range []string{report.ConnectionsKeepAlive, report.ConnectionsPerCeremony} {
			b.Run(c.name+"/"+mode, func(b *testing.B) {
				client := newClient(b, c.make, wire.Config{Mode: mode})
				options, result := loginRequests(serverOf(b, client, base))
				benchmarkLogins(b, func() func() error {
					line := newLine(b, client)
					var resp wire.Response
					return func() error {
						line.Ceremony()
						if err := line.Do(b.Context(), options, &resp, 10*time.Second); err != nil {
							return err
						}
						return line.Do(b.Context(), result, &resp, 10*time.Second)
					}
				})
			})
		}
	}
	b.Run("net/http", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
		defer client.CloseIdleConnections()
		options, result := loginRequests(nil)
		do := func(req *wire.Request) error {
			var body io.Reader
			if req.Body != nil {
				body = bytes.NewReader(req.Body)
			}
			r, err := http.NewRequestWithContext(b.Context(), req.Method, base+string(req.Target), body)
			if err != nil {
				return err
			}
			for _, h := range req.Headers {
				r.Header.Set(h.Name, string(h.Value))
			}
			answer, err := client.Do(r)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			_, err = io.ReadAll(answer.Body)
			return err
		}
		benchmarkLogins(b, func() func() error {
			return func() error {
				if err := do(options); err != nil {
					return err
				}
				return do(result)
			}
		})
	})
}

// benchmarkLogins runs logins on 16 connections.
func benchmarkLogins(b *testing.B, user func() func() error) {
	b.Helper()
	const users = 16
	var tasks sync.WaitGroup
	tokens := make(chan int, b.N)
	for range b.N {
		tokens <- 1
	}
	close(tokens)
	play := make([]func() error, users)
	for i := range play {
		if play[i] = user(); play[i]() != nil {
			b.Fatal("no login")
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	for _, login := range play {
		tasks.Go(func() {
			for range tokens {
				if err := login(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	tasks.Wait()
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-us/login")
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lineTo makes a client, of the name that the first line of the input has, for the server of the second.
func lineTo(in io.Reader) (wire.Client, *wire.Server, error) {
	lines := bufio.NewScanner(in)
	var words []string
	for len(words) < 2 && lines.Scan() {
		words = append(words, lines.Text())
	}
	for _, c := range clients {
		if len(words) == 2 && c.name == words[0] {
			client, err := c.make(wire.Config{Clock: time.Now})
			if err != nil {
				return nil, nil, err
			}
			s, err := client.Server(&url.URL{Scheme: "http", Host: words[1]})
			return client, s, err
		}
	}
	return nil, nil, fmt.Errorf("unknown client and server %q", words)
}

// crowd has 1000 requests under way, and says when they have been answered what memory it took.
func crowd(in io.Reader, out io.Writer) error {
	client, s, err := lineTo(in)
	if err != nil {
		return err
	}
	_, result := loginRequests(s)
	before, err := peakMemory()
	if err != nil {
		return err
	}
	failed := make(chan error, 1000)
	var tasks sync.WaitGroup
	for range 1000 {
		tasks.Go(func() {
			line := client.NewLine()
			defer line.Close()
			var resp wire.Response
			if err := line.Do(context.Background(), result, &resp, time.Minute); err != nil {
				failed <- err
			}
		})
	}
	tasks.Wait()
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, before, peak, len(failed))
	return nil
}

// peakMemory is in KiB. It is not from getrusage, which counts what the parent had before exec.
func peakMemory() (string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	return strings.Fields(peak)[0], nil
}

func TestMemoryOfAThousandInFlight(t *testing.T) {
	var (
		mu      sync.Mutex
		waiting int
	)
	all := make(chan struct{})
	base := listen(t, func(c net.Conn) {
		if readRequest(c) != nil {
			return
		}
		mu.Lock()
		if waiting++; waiting == 1000 {
			close(all)
		}
		mu.Unlock()
		<-all
		fmt.Fprint(c, cannedResult)
	})
	in, out := child(t, "crowd")
	fmt.Fprintf(in, "fast\n%s\n", strings.TrimPrefix(base, "http://"))
	var before, peak, failed int
	if _, err := fmt.Sscan(readLine(t, out), &before, &peak, &failed); err != nil {
		t.Fatal(err)
	}
	if failed > 0 {
		t.Errorf("%d of 1000 requests failed", failed)
	}
	limit := 16 << 10 // KiB
	if raceEnabled {
		limit *= 10
	}
	t.Logf("1000 requests in flight: %.1f MiB, of which the program %.1f", float64(peak)/1024, float64(before)/1024)
	if peak-before > limit {
		t.Errorf("1000 requests in flight took %d KiB, want %d at most", peak-before, limit)
	}
}

// starve uses up the file descriptors and says how a request then fails.
func starve(in io.Reader, out io.Writer) error {
	client, s, err := lineTo(in)
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 30, Max: 30}); err != nil {
		return err
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	var resp wire.Response
	err = client.NewLine().Do(context.Background(), get(s, "/"), &resp, time.Minute)
	fmt.Fprintln(out, err)
	for _, f := range held {
		f.Close()
	}
	return client.NewLine().Do(context.Background(), get(s, "/"), &resp, time.Minute)
}

func TestExhaustedDescriptors(t *testing.T) {
	base := listen(t, func(c net.Conn) {
		for {
			if readRequest(c) != nil {
				return
			}
			fmt.Fprint(c, cannedResult)
		}
	})
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			in, out := child(t, "starve")
			fmt.Fprintf(in, "%s\n%s\n", c.name, strings.TrimPrefix(base, "http://"))
			if got := readLine(t, out); !strings.Contains(got, "too many open files") || !strings.Contains(got, "ulimit -n") {
				t.Errorf("fault is %q", got)
			}
		})
	}
}

func TestExhaustedPorts(t *testing.T) {
	client := newClient(t, wire.NewFast, wire.Config{})
	s := serverOf(t, client, "http://localhost")
	for errno, want := range map[syscall.Errno]ledger.Class{
		syscall.EADDRNOTAVAIL: ledger.Exhausted, syscall.EMFILE: ledger.Exhausted, syscall.ENFILE: ledger.Exhausted, syscall.ENOBUFS: ledger.Exhausted,
		syscall.ECONNREFUSED: ledger.Unreachable, syscall.EHOSTUNREACH: ledger.Unreachable, syscall.ECONNRESET: ledger.Closed, syscall.ETIMEDOUT: ledger.Timeout,
	} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
		if fault := wire.NewFault(get(s, "/"), err); fault.Class != want {
			t.Errorf("%v is %v, want %v", errno, fault.Class, want)
		}
	}
}

// A full backlog drops the first packet of every new connection: the dial gets no answer.
func TestFullBacklog(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 { // fill it
		c, err := (&net.Dialer{Timeout: 200 * time.Millisecond}).Dial("tcp", addr)
		if err != nil {
			break
		}
		defer c.Close()
	}
	for _, c := range clients {
		client := newClient(t, c.make, wire.Config{})
		var resp wire.Response
		err := newLine(t, client).Do(t.Context(), get(serverOf(t, client, "http://"+addr), "/"), &resp, 100*time.Millisecond)
		wantFault(t, err, ledger.Timeout, "no connection in time")
	}
}

// A server that ends an idle connection but reads on for a while, as some do, gets no request there.
func TestHalfClosedConnection(t *testing.T) {
	lost, ended := make(chan int64, 10), make(chan struct{}, 10)
	base := listen(t, func(c net.Conn) {
		if readRequest(c) != nil {
			return
		}
		fmt.Fprint(c, cannedResult)
		if c.(*net.TCPConn).CloseWrite() == nil {
			ended <- struct{}{}
			n, _ := io.Copy(io.Discard, c)
			lost <- n
		}
	})
	client := newClient(t, wire.NewFast, wire.Config{})
	s := serverOf(t, client, base)
	line := newLine(t, client)
	for range 3 {
		var resp wire.Response
		if err := line.Do(t.Context(), post(s, "/", "{}"), &resp, time.Minute); err != nil {
			t.Fatal(err)
		}
		<-ended // the server's end is on its way before it says so, on loopback it has arrived
	}
	client.Close()
	for range 3 {
		if n := <-lost; n > 0 {
			t.Errorf("%d bytes were sent into a connection that the server had ended", n)
		}
	}
}
