package otlp

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A receiver is one of OTLP over HTTP, which checks what it gets.
type receiver struct {
	*httptest.Server
	t *testing.T
	// answer, if not nil, answers the nth request instead, and tells whether it did.
	answer func(n int, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []*http.Request
	resource map[string]any
	spans    []*trace.Span
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, request)
	n := len(r.requests)
	r.mu.Unlock()
	if r.answer != nil && r.answer(n, w, request) {
		return
	}
	r.take(request)
	w.Header().Set("Content-Type", protobufType)
}

// take decodes a request.
func (r *receiver) take(request *http.Request) {
	var body io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			r.t.Error(err)
			return
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	if err != nil {
		r.t.Error(err)
		return
	}
	if request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/x-protobuf" {
		r.t.Errorf("%s with %q", request.Method, request.Header.Get("Content-Type"))
	}
	var message collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &message); err != nil {
		r.t.Error(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range message.ResourceSpans {
		r.resource = values(from.Resource.Attributes)
		for _, scope := range from.ScopeSpans {
			if scope.Scope.Name != "packetscope.tracer" {
				r.t.Errorf("scope %v", scope.Scope)
			}
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

// traces returns what came, by trace, and fails if one is not well-formed.
func (r *receiver) traces() map[string][]*trace.Span {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	traces := map[string][]*trace.Span{}
	for _, s := range r.spans {
		id := hex.EncodeToString(s.TraceId)
		traces[id] = append(traces[id], s)
	}
	for _, spans := range traces {
		wellFormed(r.t, spans)
	}
	return traces
}

// wellFormed checks the spans of one trace: one root, parents that are there, ids that are
// unique, and times that lie within those of the parent.
func wellFormed(t *testing.T, spans []*trace.Span) {
	t.Helper()
	byID := map[string]*trace.Span{}
	roots := 0
	for _, s := range spans {
		if len(s.TraceId) != 16 || len(s.SpanId) != 8 || bytes.Equal(s.SpanId, make([]byte, 8)) || s.Name == "" {
			t.Errorf("span %v", s)
		}
		if byID[string(s.SpanId)] != nil {
			t.Errorf("two spans have the id %x", s.SpanId)
		}
		byID[string(s.SpanId)] = s
	}
	for _, s := range spans {
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s ends before it begins", s.Name)
		}
		for _, e := range s.Events {
			if e.TimeUnixNano < s.StartTimeUnixNano || e.TimeUnixNano > s.EndTimeUnixNano {
				t.Errorf("event %s is outside of %s", e.Name, s.Name)
			}
		}
		keys := map[string]bool{}
		for _, a := range s.Attributes {
			if keys[a.Key] {
				t.Errorf("%s has %s twice", s.Name, a.Key)
			}
			keys[a.Key] = true
		}
		if len(s.ParentSpanId) == 0 {
			roots++
			continue
		}
		parent := byID[string(s.ParentSpanId)]
		if parent == nil {
			t.Errorf("%s has a parent that is not there", s.Name)
			continue
		}
		if s.StartTimeUnixNano < parent.StartTimeUnixNano || s.EndTimeUnixNano > parent.EndTimeUnixNano {
			t.Errorf("%s is outside of %s", s.Name, parent.Name)
		}
	}
	if roots != 1 {
		t.Errorf("%d roots", roots)
	}
}

// values returns attributes as a map.
func values(list []*common.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = v.IntValue
		case *common.AnyValue_BoolValue:
			all[a.Key] = v.BoolValue
		}
	}
	return all
}
