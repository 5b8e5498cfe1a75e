//go:build kernel && linux

package guarder

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// TestReadyBansAreOfWhoComesAgainAndAgain has bans.yaml in front of a server at which
// somebody logs in, over and over: 30 times that works, then it is a ban if the policy is
// enforced, and noted if it is audited as it comes.
func TestReadyBansAreOfWhoComesAgainAndAgain(t *testing.T) {
	const line, may = "SSH-2.0-client\r\n", 30
	const always, never = 5 * time.Second, 500 * time.Millisecond // how long to wait for what comes, or may not
	for _, mode := range []string{"audit", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			l := newRealLab(t)
			l.config.rehearse = unrehearsed
			s := newShell(t, l.net)
			text, err := policies.Files.ReadFile("bans.yaml")
			if err != nil {
				t.Fatal(err)
			}
			policy := strings.NewReplacer(
				"defaults:\n  mode: audit", "defaults: {mode: "+mode+", interfaces: ["+l.net.Right.Device+"]}",
				"dst_port: 22,", fmt.Sprintf("dst_port: %d,", s.port)).Replace(string(text))
			if err := os.WriteFile(l.file, []byte(policy), 0o600); err != nil {
				t.Fatal(err)
			}
			e := l.open(t)
			// comes tells whether the server hears the first line of a new connection in time.
			comes := func(within time.Duration) bool {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), testnet.Margin(within))
				defer cancel()
				c, err := s.dial(ctx, t, testnet.IPv4)
				if err != nil {
					return false
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(testnet.Margin(within)))
				if _, err := io.WriteString(c, line); err != nil {
					return false
				}
				_, err = io.ReadFull(c, make([]byte, len(line)))
				return err == nil
			}
			for n := range may {
				if !comes(always) {
					t.Fatalf("login %d is cut", n+1)
				}
			}
			if list, err := e.Bans(); err != nil || len(list.Bans) != 0 {
				t.Fatalf("bans %+v, %v after %d logins", list, err, may)
			}
			for begin := time.Now(); ; comes(never) { // a few more, as the limit gains one in ten seconds
				if list, err := e.Bans(); err == nil && len(list.Bans) == 1 || time.Since(begin) > testnet.Margin(20*time.Second) {
					break
				}
			}
			b := banned(t, e)
			if b.Prefix != l.left() || b.Origin != "rule:bans/ssh-again-and-again" || b.Reason != "brute_force" || b.Audit != (mode == "audit") || b.Left < 500 || b.Left > 600 {
				t.Errorf("banned %+v", b)
			}
			within := never
			if mode == "audit" {
				within = always
			}
			if got := comes(within); got != (mode == "audit") {
				t.Errorf("who is banned can log in: %v", got)
			}
			if got := arrives(t, l.net); got != (mode == "audit") {
				t.Errorf("a datagram of who is banned arrives: %v", got)
			}
		})
	}
}
