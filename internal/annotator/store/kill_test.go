//go:build unix

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

const victimPath = "PACKETSCOPE_TEST_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimPath); path != "" {
		fmt.Fprintln(os.Stderr, victim(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim serves the webhook, prints where, and works on what comes, until it is killed.
func victim(path string) error {
	s, err := Open(Config{Path: path})
	if err != nil {
		return err
	}
	server := httptest.NewServer(webhook.New(inbox{s}, webhook.Limits{Store: 10 * time.Second}, nil))
	fmt.Println(server.URL + webhook.Path)
	go func() {
		for {
			d, err := s.NextDelivery(context.Background(), "grafana")
			if err == nil {
				err = s.Delivered(d, d.Payload)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}()
	for {
		j, err := s.Next(context.Background())
		if err != nil {
			return err
		}
		r := Result{Output: []byte(j.Do.String()), Final: true}
		if j.Do >= Explained {
			r.Publish = to("grafana", fmt.Sprint(j.Do, " ", j.Revision))
		}
		if err := s.Done(j, r); err != nil && !errors.Is(err, ErrStale) {
			return err
		}
	}
}

// inbox is the store as the webhook sees it.
type inbox struct{ store *Store }

func (i inbox) Put(ctx context.Context, d webhook.Delivery) (bool, error) {
	m := Message{
		Key: d.Key(), Group: d.Group, Episode: d.Episode(), Severity: d.Severity(), Resolved: d.Resolved,
		Started: d.Started(), Truncated: d.Truncated, Body: d.Body,
	}
	for _, a := range d.Alerts {
		m.Alerts = append(m.Alerts, Alert{Fingerprint: a.Fingerprint, StartsAt: a.StartsAt, EndsAt: a.EndsAt})
	}
	for _, bad := range d.Bad {
		m.Bad = append(m.Bad, BadAlert{bad.Fault, bad.Raw})
	}
	r, err := i.store.Put(ctx, m)
	return r.Fresh, err
}

func (i inbox) Bury(ctx context.Context, fault string, body []byte) error {
	return i.store.Bury(ctx, fault, body)
}

// startVictim starts a victim and returns where it serves.
func startVictim(t *testing.T, path string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("the victim says %q: %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// webhookBody is a message of Alertmanager of one alert.
func webhookBody(group string, resolved bool) string {
	status, ends := "firing", "0001-01-01T00:00:00Z"
	if resolved {
		status, ends = "resolved", "2026-03-01T12:05:00Z"
	}
	return fmt.Sprintf(`{"version":"4","groupKey":%q,"status":%q,"alerts":[{"status":%q,"labels":{"alertname":%q},"annotations":{},
		"startsAt":"2026-03-01T12:00:00Z","endsAt":%q}],"truncatedAlerts":0}`, group, status, status, group, ends)
}

// sender sends messages one after the other until the victim is gone, and notes those that
// were acknowledged: each group fires, and each second one ends.
func sender(url, name string, acknowledged func(group string, resolved bool)) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := range 20_000 {
		group := fmt.Sprint(name, " ", n)
		for _, resolved := range []bool{false, true}[:1+n%2] {
			r, err := client.Post(url, "application/json", strings.NewReader(webhookBody(group, resolved)))
			if err != nil {
				return
			}
			r.Body.Close()
			if r.StatusCode == http.StatusAccepted {
				acknowledged(group, resolved)
			}
		}
	}
}

// TestNoAcknowledgedMessageIsLost kills processes that serve the webhook, at moments of
// chance, while eight senders send: whatever they were told is stored is.
func TestNoAcknowledgedMessageIsLost(t *testing.T) {
	const rounds = 12
	path := filepath.Join(t.TempDir(), "store.db")
	var mu sync.Mutex
	acknowledged := map[string]bool{} // group: whether it has ended
	for round := range rounds {
		cmd, url := startVictim(t, path)
		enough := make(chan struct{})
		var once sync.Once
		goal, got := 1+rand.IntN(60), 0
		var senders sync.WaitGroup
		for n := range 8 {
			senders.Go(func() {
				sender(url, fmt.Sprint(round, "/", n), func(group string, resolved bool) {
					mu.Lock()
					defer mu.Unlock()
					acknowledged[group] = acknowledged[group] || resolved
					if got++; got >= goal {
						once.Do(func() { close(enough) })
					}
				})
			})
		}
		<-enough
		cmd.Process.Kill()
		cmd.Wait()
		senders.Wait()
	}
	lost := checkAcknowledged(t, path, acknowledged)
	t.Logf("%d groups acknowledged in %d rounds, %d lost", len(acknowledged), rounds, lost)
}

// checkAcknowledged opens what the killed processes left, does the steps that are left, and
// counts the groups that did not end as they were told to.
func checkAcknowledged(t *testing.T, path string, acknowledged map[string]bool) (lost int) {
	t.Helper()
	s := openQuick(t, Config{Path: path})
	finish(t, s)
	d := must[Depth](t)(s.Depth())
	if d.Messages != 0 || d.Jobs != 0 || d.Dead[DeadJob]+d.Dead[DeadMessage]+d.Dead[DeadAlert] != 0 {
		t.Errorf("when all is done: depth %+v", d)
	}
	byGroup := map[string]Episode{}
	for _, e := range must[[]Episode](t)(s.Episodes(0, 1<<20)) {
		if _, twice := byGroup[e.Group]; twice {
			t.Errorf("group %q has two episodes", e.Group)
		}
		byGroup[e.Group] = e
	}
	for group, resolved := range acknowledged {
		e, ok := byGroup[group]
		switch {
		case !ok, resolved && e.Open():
			lost++
			t.Errorf("group %q is there: %v, open: %v, but its end was acknowledged: %v", group, ok, e.Open(), resolved)
		case e.Revision == 0:
			lost++
			t.Errorf("group %q was never published", group)
		}
	}
	return lost
}
