//go:build e2e && linux

package e2e

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/prom"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
	"github.com/packetscope/packetscope/internal/servers"
)

// TestAnnotatorSeesWhatAlertmanagerHas has one alert that fires, one that is silenced, and
// one that has ended.
func TestAnnotatorSeesWhatAlertmanagerHas(t *testing.T) {
	t.Parallel()
	am := servers.StartAlertmanager(t, found.Tools, routes(t, servers.NewInbox(t), pace))
	const silence = `{"matchers":[{"name":"instance","value":"web2","isRegex":false,"isEqual":true}],` +
		`"startsAt":"2020-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"e2e","comment":"e2e"}`
	response, err := http.Post("http://"+am.Address+"/api/v2/silences", "application/json", strings.NewReader(silence))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("silence: %s", response.Status)
	}
	fires, muted, ended := push("PacketScopePacketLoss", "critical", "drops", "web1"), push("PacketScopePacketLoss", "critical", "drops", "web2"),
		push("PacketScopePacketLoss", "critical", "drops", "web3")
	ended.EndsAt = time.Now().Add(-time.Second)
	if err := am.Push([]servers.Push{fires, muted, ended}); err != nil {
		t.Fatal(err)
	}
	wanted := func(p servers.Push, muted bool) alertmanager.Alert {
		return alertmanager.Alert{Fingerprint: webhook.Fingerprint(p.Labels), Labels: p.Labels, Annotations: p.Annotations, Muted: muted}
	}
	ask := func(receiver string) *alertmanager.Client {
		client, err := alertmanager.New(alertmanager.Options{Options: remote.Options{URL: "http://" + am.Address}, Receiver: receiver})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	for _, receiver := range []string{"annotat", "annot.*"} {
		if got, err := ask(receiver).Active(t.Context()); got != nil || remote.ClassOf(err) != remote.Invalid || !strings.Contains(err.Error(), receiver) {
			t.Errorf("%v for %q, which is none, %v", got, receiver, err)
		}
	}
	for receiver, want := range map[string][]alertmanager.Alert{
		"annotator": {wanted(fires, false), wanted(muted, true)},
		"info":      {},
	} {
		client := ask(receiver)
		servers.Eventually(t, soon, func() error {
			got, err := client.Active(t.Context())
			if err != nil {
				return err
			}
			for _, a := range got {
				if a.StartsAt.IsZero() {
					return fmt.Errorf("%v has no start", a)
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(alertmanager.Alert{}, "StartsAt", "GeneratorURL"), cmpopts.EquateEmpty(),
				cmpopts.SortSlices(func(a, b alertmanager.Alert) bool { return a.Labels["instance"] < b.Labels["instance"] })); diff != "" {
				return fmt.Errorf("alerts of %s (-want +got):\n%s", receiver, diff)
			}
			return nil
		})
	}
}

func TestAnnotatorAsksPrometheus(t *testing.T) {
	t.Parallel()
	client, err := prom.New(remote.Options{URL: scraping(t, servers.FreeAddress(t)).URL})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	for expr, want := range map[string][]evidence.Sample{
		"42":             {{Value: 42}},
		"-1 / vector(0)": {{Labels: map[string]string{}, Value: math.Inf(-1)}},
		"absent_of_all":  {},
		`label_replace(vector(time()), "a", "ü\n", "", "")`: {{Labels: map[string]string{"a": "ü\n"}, Value: float64(at.UnixMilli()) / 1000}},
	} {
		got, err := client.Query(t.Context(), expr, at)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, result (-want +got):\n%s", expr, err, diff)
		}
	}
	for expr, want := range map[string]remote.Class{
		"sum(": remote.Refused,
		"vector(1) * on() group_left vector(1) / on(a) (vector(1) or label_replace(vector(2), \"b\", \"c\", \"\", \"\"))": remote.Refused,
		"up[5m]": remote.Invalid,
	} {
		if _, err := client.Query(t.Context(), expr, at); remote.ClassOf(err) != want {
			t.Errorf("%s: error %v of class %q, want %q", expr, err, remote.ClassOf(err), want)
		}
	}
}
