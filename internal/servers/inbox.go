package servers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Message is what Alertmanager sends to a webhook, version 4.
type Message struct {
	Version, GroupKey, Status, Receiver string
	TruncatedAlerts                     int
	GroupLabels, CommonLabels           map[string]string
	CommonAnnotations                   map[string]string
	Alerts                              []MessageAlert
}

// A MessageAlert is an alert in a message.
type MessageAlert struct {
	Status              string // firing or resolved
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
	Fingerprint         string
}

// An Inbox is at the place of the receivers of alerts and keeps what it gets.
type Inbox struct {
	server   *httptest.Server
	mu       sync.Mutex
	messages []Message
	faults   []string
}

// NewInbox starts one. It ends with the test, which fails if something else than a
// message of version 4 arrived, or one at the place of another receiver.
func NewInbox(t testing.TB) *Inbox {
	t.Helper()
	i := &Inbox{}
	i.server = httptest.NewServer(i)
	t.Cleanup(func() {
		i.server.Close()
		for _, fault := range i.faults {
			t.Errorf("webhook: %s", fault)
		}
	})
	return i
}

// URL returns the place of a receiver.
func (i *Inbox) URL(receiver string) string { return i.server.URL + "/" + receiver }

// ServeHTTP takes a message.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m Message
	err := json.NewDecoder(r.Body).Decode(&m)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch receiver := strings.TrimPrefix(r.URL.Path, "/"); {
	case err != nil:
		i.faults = append(i.faults, err.Error())
	case m.Version != "4" || m.Receiver != receiver || len(m.Alerts) == 0:
		i.faults = append(i.faults, "version "+m.Version+" for "+m.Receiver+" at "+receiver)
	default:
		i.messages = append(i.messages, m)
	}
	w.WriteHeader(http.StatusAccepted)
}

// Messages returns what a receiver got so far, in order.
func (i *Inbox) Messages(receiver string) []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(i.messages), func(m Message) bool { return m.Receiver != receiver })
}

// Alerts returns the alerts of a name that a receiver was told of, in order.
func (i *Inbox) Alerts(receiver, name string) (alerts []MessageAlert) {
	for _, m := range i.Messages(receiver) {
		for _, a := range m.Alerts {
			if a.Labels["alertname"] == name {
				alerts = append(alerts, a)
			}
		}
	}
	return alerts
}
