package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/packetscope/packetscope/internal/tracer"
)

// A bench is an exporter that does not wait, and notes how long it would have.
type bench struct {
	*Exporter
	mu    sync.Mutex
	waits []time.Duration
	log   strings.Builder
	end   func()
}

// start runs an exporter for an endpoint; vars are "NAME=value".
func start(t *testing.T, endpoint string, vars ...string) *bench {
	t.Helper()
	c, err := FromEnvironment(endpoint, lookup(vars...))
	if err != nil {
		t.Fatal(err)
	}
	c.Resource.Host, c.Resource.Release, c.Resource.Version = "web1", "6.18.0", "1.2.3"
	b := &bench{}
	if b.Exporter, err = New(c, slog.New(slog.NewTextHandler(&b.log, nil))); err != nil {
		t.Fatal(err)
	}
	b.random = func() float64 { return 0.5 }
	b.wait = func(ctx context.Context, d time.Duration) error {
		if d == grace {
			return sleep(ctx, d)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.waits = append(b.waits, d)
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(b.end)
	return b
}

func lookup(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if key, value, _ := strings.Cut(v, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// check ends the exporter and compares what became of packets, and how long was waited.
func (b *bench) check(t *testing.T, want Outcomes, waits ...time.Duration) {
	t.Helper()
	b.end()
	if waiting, got := b.State(); got != want || waiting != 0 {
		t.Errorf("%d wait, outcomes %+v, want %+v\n%s", waiting, got, want, b.log.String())
	}
	if diff := cmp.Diff(waits, b.waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

// many returns n packets.
func many(t *testing.T, n int) (list []*tracer.Packet) {
	for i := range n {
		p := packet(t, i%2 == 0)
		p.Identity.First = uint64(i)
		list = append(list, p)
	}
	return list
}

func TestReceiverGetsWellFormedTraces(t *testing.T) {
	for name, vars := range map[string][]string{"packed": nil, "plain": {"OTEL_EXPORTER_OTLP_COMPRESSION=none"}} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			b := start(t, r.URL, append(vars, "OTEL_EXPORTER_OTLP_HEADERS=X-Scope-OrgID=one%20two,authorization=Basic YTpi",
				"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test,host.name=other")...)
			for _, p := range many(t, 23) {
				b.Put(p)
			}
			b.check(t, Outcomes{Sent: 23})
			if got := len(r.traces()); got != 23 {
				t.Errorf("%d traces came, 23 were told", got)
			}
			first := r.requests[0]
			if first.URL.Path != "/v1/traces" || first.Header.Get("X-Scope-OrgID") != "one two" || first.Header.Get("Authorization") != "Basic YTpi" ||
				first.Header.Get("User-Agent") != "packetscope/1.2.3" || (first.Header.Get("Content-Encoding") == "gzip") != (name == "packed") {
				t.Errorf("%s with %v", first.URL, first.Header)
			}
			for key, want := range map[string]string{
				"service.name": "packetscope", "service.version": "1.2.3", "host.name": "other", "os.type": "linux", "os.version": "6.18.0",
				"deployment.environment.name": "test",
			} {
				if r.resource[key] != want {
					t.Errorf("%s is %v, want %s", key, r.resource[key], want)
				}
			}
		})
	}
}

func TestFailuresAreTriedAgainAsTheProtocolHasIt(t *testing.T) {
	s := time.Second
	for name, c := range map[string]struct {
		status int
		header string
		times  int // that it fails
		want   Outcomes
		waits  []time.Duration
		says   string
	}{
		"503, then 200":           {503, "", 1, Outcomes{Sent: 1, Retries: 1}, []time.Duration{s}, "503"},
		"502 twice":               {502, "", 2, Outcomes{Sent: 1, Retries: 2}, []time.Duration{s, 2 * s}, "502"},
		"504":                     {504, "", 1, Outcomes{Sent: 1, Retries: 1}, []time.Duration{s}, "504"},
		"429 says when":           {429, "17", 1, Outcomes{Sent: 1, Retries: 1}, []time.Duration{17 * s}, "429"},
		"503 says when, by date":  {503, "Sun, 29 Nov 2026 12:00:09 GMT", 1, Outcomes{Sent: 1, Retries: 1}, []time.Duration{9 * s}, "503"},
		"429 wants too much":      {429, "86400", 1, Outcomes{Sent: 1, Retries: 1}, []time.Duration{mostRetryAfter}, "429"},
		"never":                   {503, "", 99, Outcomes{Failed: 1, Retries: 5}, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s}, "503"},
		"400 is not tried again":  {400, "", 1, Outcomes{Failed: 1}, nil, "no such thing"},
		"401 is not tried again":  {401, "", 1, Outcomes{Failed: 1}, nil, "OTEL_EXPORTER_OTLP_HEADERS"},
		"404 is not tried again":  {404, "", 1, Outcomes{Failed: 1}, nil, "/v1/traces"},
		"500 is not tried again":  {500, "5", 1, Outcomes{Failed: 1}, nil, "500"},
		"302 is not followed":     {302, "", 1, Outcomes{Failed: 1}, nil, "redirects are not followed"},
		"a web page is no answer": {200, "", 1, Outcomes{Failed: 1}, nil, "none of OTLP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			r.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n > c.times {
					return false
				}
				w.Header().Set("Retry-After", c.header)
				w.Header().Set("Location", "http://127.0.0.1:1/")
				switch c.status {
				case 200:
					w.Header().Set("Content-Type", "text/html")
					io.WriteString(w, "<html>welcome</html>")
				case 400: // a google.rpc.Status
					w.Header().Set("Content-Type", protobufType)
					w.WriteHeader(400)
					io.WriteString(w, "\x08\x03\x12\x0dno such thing")
				default:
					w.WriteHeader(c.status)
				}
				return true
			}
			b := start(t, r.URL)
			b.client.now = func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }
			b.Put(packet(t, true))
			poll(t, func() bool { _, o := b.State(); return o.Sent+o.Failed > 0 })
			b.check(t, c.want, c.waits...)
			if got := len(r.traces()); got != int(c.want.Sent) {
				t.Errorf("%d traces came", got)
			}
			if log := b.log.String(); !strings.Contains(log, c.says) || strings.Count(log, "cannot be told") != 1 {
				t.Errorf("the log does not say %q, or not once:\n%s", c.says, log)
			}
		})
	}
}

func poll(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

func TestPartialSuccessIsCountedAndNotTriedAgain(t *testing.T) {
	for kind, body := range map[string]func() []byte{
		protobufType: func() []byte {
			b, err := proto.Marshal(&collector.ExportTraceServiceResponse{
				PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 5, ErrorMessage: "too old"}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		"application/json": func() []byte {
			return []byte(`{"partialSuccess":{"rejectedSpans":"5","errorMessage":"too old"}}`)
		},
	} {
		r := newReceiver(t)
		r.answer = func(_ int, w http.ResponseWriter, request *http.Request) bool {
			r.take(request)
			w.Header().Set("Content-Type", kind)
			w.Write(body())
			return true
		}
		b := start(t, r.URL)
		b.Put(packet(t, true))
		b.check(t, Outcomes{Sent: 1, RejectedSpans: 5})
		if len(r.requests) != 1 || !strings.Contains(b.log.String(), `rejected_spans=5 says="too old"`) {
			t.Errorf("%s: %d requests, the log is\n%s", kind, len(r.requests), b.log.String())
		}
	}
}

// TestReceiverThatHangsIsLeft also sees that nobody waits for it.
func TestReceiverThatHangsIsLeft(t *testing.T) {
	r := newReceiver(t)
	release := make(chan struct{})
	defer close(release)
	r.answer = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			<-release
		}
		return n == 1
	}
	// The second attempt must end within it, also while somebody else runs.
	b := start(t, r.URL, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=2000")
	b.Put(packet(t, true))
	poll(t, func() bool { _, o := b.State(); return o.Sent > 0 })
	b.check(t, Outcomes{Sent: 1, Retries: 1}, time.Second)
	if log := b.log.String(); !strings.Contains(log, "Client.Timeout") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestEndDoesNotHang stops while a receiver does not answer, and more waits.
func TestEndDoesNotHang(t *testing.T) {
	r := newReceiver(t)
	release, asked := make(chan struct{}), make(chan struct{}, 9)
	defer close(release)
	r.answer = func(int, http.ResponseWriter, *http.Request) bool {
		asked <- struct{}{}
		<-release
		return true
	}
	b := start(t, r.URL)
	b.wait = func(ctx context.Context, d time.Duration) error { return ctx.Err() } // no grace at all
	b.Put(packet(t, true))
	<-asked
	for _, p := range many(t, 3) {
		b.Put(p)
	}
	b.check(t, Outcomes{Failed: 1, Dropped: 3})
}

// TestQueueIsBounded puts more than there is room for while nobody sends.
func TestQueueIsBounded(t *testing.T) {
	r := newReceiver(t)
	release, asked := make(chan struct{}), make(chan struct{}, 1000)
	r.answer = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			asked <- struct{}{}
			<-release
		}
		return false
	}
	b := start(t, r.URL)
	b.room = 2400
	read := packet(t, false) // of 4 events
	read.Identity.First = 1 << 40
	b.Put(read)
	<-asked
	begin := time.Now()
	const all = 50_000
	for i := range all {
		p := *read
		p.Identity.First = uint64(i)
		b.Put(&p)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("putting took %v", took)
	}
	const room = 2400 / 4
	if waiting, o := b.State(); waiting != room || o.Dropped != all-room {
		t.Errorf("%d wait, want %d; outcomes %+v", waiting, room, o)
	}
	close(release)
	poll(t, func() bool { waiting, o := b.State(); return waiting == 0 && o.Sent == room+1 })
	b.check(t, Outcomes{Sent: room + 1, Dropped: all - room})
	if got := len(r.traces()); got != room+1 {
		t.Errorf("%d traces came, want %d", got, room+1)
	}
}

func TestNobodyListens(t *testing.T) {
	b := start(t, "http://127.0.0.1:4317")
	b.client.http.Transport = refuse{}
	b.Put(packet(t, true))
	poll(t, func() bool { _, o := b.State(); return o.Failed > 0 })
	b.check(t, Outcomes{Failed: 1, Retries: 5}, 1*time.Second, 2*time.Second, 4*time.Second, 8*time.Second, 16*time.Second)
	if log := b.log.String(); !strings.Contains(log, "4317 is for gRPC") {
		t.Errorf("the log is\n%s", log)
	}
}

type refuse struct{}

func (refuse) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func ExampleFromEnvironment() {
	c, err := FromEnvironment("https://tempo.example.net/otlp", func(string) string { return "" })
	fmt.Println(c, err)
	// Output: https://tempo.example.net/otlp/v1/traces <nil>
}
