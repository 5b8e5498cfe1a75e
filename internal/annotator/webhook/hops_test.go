package webhook

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/sink"
)

func TestMessagesOfACircleAreRefusedForGood(t *testing.T) {
	good := string(golden(t, "alertmanager-0.31-truncated"))
	for header, want := range map[string]struct {
		code, hops int
		text       string
	}{
		"":     {202, 0, "stored"},
		"0":    {202, 0, "stored"},
		"2":    {202, 2, "stored"},
		"3":    {400, 0, "annotators notify each other in a circle: the message went through 3, and 2 are the most: take the one that sends here out of the sinks of another"},
		"-1":   {400, 0, `header X-Packetscope-Hops is "-1", which is no number of annotators`},
		"many": {400, 0, `header X-Packetscope-Hops is "many", which is no number of annotators`},
	} {
		var inbox memory
		h := New(&inbox, Limits{}, nil)
		var outcome Outcome
		h.Report = func(o Outcome) { outcome = o }
		r := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(good))
		if header != "" {
			r.Header.Set(sink.HopsHeader, header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); w.Code != want.code || got != want.text || outcome.Code != want.code || len(inbox.buried) != 0 {
			t.Errorf("%q: %d %q, reported %d, %d buried; want %+v", header, w.Code, got, outcome.Code, len(inbox.buried), want)
		}
		if circle := errors.Is(outcome.Err, ErrCircle); circle != (header == "3") {
			t.Errorf("%q: reported %v", header, outcome.Err)
		}
		for _, d := range inbox.put {
			if d.Hops != want.hops {
				t.Errorf("%q: %d hops are stored, want %d", header, d.Hops, want.hops)
			}
		}
	}
}
