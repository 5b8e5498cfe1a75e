package alertmanager

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var receivers = []string{"annotator", "critical", "warning", "info"}

func TestConfigIsValid(t *testing.T) {
	for _, enabled := range append([][]string{nil, receivers}, slices.Collect(slices.Chunk(receivers, 1))...) {
		t.Run("with "+strings.Join(enabled, ","), func(t *testing.T) {
			text, err := Enable(enabled...)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(text) {
				t.Error(fault)
			}
		})
	}
}

func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "group_wait: 30s", "group_wat: 30s", `yaml: unmarshal errors:\n  line \d+: field group_wat not found in type alertmanager.route`},
		{"undefined receiver", "receiver: info", "receiver: inof", `receiver "inof" is not defined\nreceiver "info" is not used`},
		{"no duration", "group_wait: 30s", "group_wait: soon", `line \d+: not a valid duration string: "soon"`},
		{"no matcher", `severity="info"'`, `severity is info'`, `matcher severity is info is none\nmatcher severity is info is none`},
		{"forgetful", "repeat_interval: 4d", "repeat_interval: 7d", `the times of receiver "info" are in the wrong order`},
		{"deaf", "equal: [cluster, job, instance]", "equal: [cluster, job]", `alertname="PacketScopeDown" of one instance silences another\nalertname="PacketScopeGuardTripped" of one instance silences another`},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := strings.ReplaceAll(Config, c.old, c.new)
			if damaged == Config {
				t.Fatalf("alertmanager.yml has no %q to damage", c.old)
			}
			matches(t, strings.Join(faults(damaged), "\n"), c.want)
		})
	}
}

// What the file ships must not notify anybody.
func TestReceiversAreEmpty(t *testing.T) {
	c, err := decode(Config)
	if err != nil {
		t.Fatal(err)
	}
	var want []receiver
	for _, name := range receivers {
		want = append(want, receiver{Name: name})
	}
	if diff := cmp.Diff(want, c.Receivers); diff != "" {
		t.Errorf("receivers (-want +got):\n%s", diff)
	}
}

func TestEnableSwitchesOnOneReceiver(t *testing.T) {
	for i, name := range receivers {
		text, err := Enable(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		for j, r := range c.Receivers {
			if on := len(r.Webhook)+len(r.Slack)+len(r.Email) > 0; on != (i == j) {
				t.Errorf("with %s: receiver %s is on: %t", name, r.Name, on)
			}
		}
	}
	_, err := Enable("nobody")
	if err == nil || err.Error() != `alertmanager.yml has no example for receiver "nobody"` {
		t.Errorf("Enable(nobody): %v", err)
	}
}

// The annotator relies on these: it wants to hear of the end of an alert, a slow
// answer must not use up the interval, an alert that was redirected is lost, and one
// without a token is refused.
func TestAnnotatorIsCalledAsItWants(t *testing.T) {
	text, err := Enable("annotator")
	if err != nil {
		t.Fatal(err)
	}
	c, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	hook := c.Receivers[0].Webhook[0]
	if !hook.SendResolved || hook.MaxAlerts == 0 || hook.HTTP.FollowRedirects == nil || *hook.HTTP.FollowRedirects || hook.HTTP.Authorization.CredentialsFile == "" {
		t.Errorf("webhook is %+v", hook)
	}
	first := c.flatten()[1]
	if first.Receiver != "annotator" || !first.Continue || hook.Timeout == 0 || hook.Timeout >= first.GroupInterval {
		t.Errorf("route is %+v, timeout %v", first, hook.Timeout)
	}
}

// TestTheAnnotatorIsNotToldOfItself claims that its own alerts go past it, whatever their
// names: one that is down could explain nothing, and one that is late would be later.
func TestTheAnnotatorIsNotToldOfItself(t *testing.T) {
	c, err := decode(Config)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range c.flatten() {
		if r.Receiver == "annotator" {
			all = append(all, r.Matchers...)
		}
	}
	if diff := cmp.Diff([]string{`alertname=~"(PacketScope|Guarder).+"`, `job!="packetscope-annotator"`}, all); diff != "" {
		t.Errorf("matchers of the annotator's route (-want +got):\n%s", diff)
	}
}

// An alert that the annotator's route has passed on does not fall back to the receiver
// of the root: without a last route for the rest nobody would hear of it.
func TestNoAlertIsLost(t *testing.T) {
	c, err := decode(Config)
	if err != nil {
		t.Fatal(err)
	}
	routes := c.flatten()
	if last := routes[len(routes)-1]; len(last.Matchers) > 0 || last.Receiver != c.Route.Receiver {
		t.Errorf("last route is %+v, want one to %s for all", last, c.Route.Receiver)
	}
}

// People are told of alerts and clusters; only the annotator is told of hosts, or an
// outage of 1,000 hosts would be 1,000 messages.
func TestMessagesAreNotByHost(t *testing.T) {
	c, err := decode(Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.flatten() {
		if byHost := slices.Contains(r.GroupBy, "instance"); byHost != (r.Receiver == "annotator") {
			t.Errorf("receiver %s is told of groups by %v", r.Receiver, r.GroupBy)
		}
		if !slices.Contains(r.GroupBy, "cluster") {
			t.Errorf("receiver %s is told of all clusters at once", r.Receiver)
		}
	}
}

// matches holds a text against a regular expression for the whole of it.
func matches(t *testing.T, got, want string) {
	t.Helper()
	if !regexp.MustCompile("^(?:" + want + ")$").MatchString(got) {
		t.Errorf("got %q, want %q", got, want)
	}
}
