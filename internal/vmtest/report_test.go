package vmtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const finished = `vmtest: boot 6.1.0
vmtest: run internal/a
=== RUN   TestOne
=== RUN   TestOne/sub
--- PASS: TestOne (0.10s)
    --- PASS: TestOne/sub (0.01s)
=== RUN   TestTwo
    two_test.go:3: got 1, want 2
--- FAIL: TestTwo (0.01s)
FAIL
vmtest: exit internal/a exit status 1
vmtest: run internal/b
=== RUN   TestThree
--- PASS: TestThree (0.00s)
PASS
vmtest: exit internal/b
vmtest: end
`

func TestParseReport(t *testing.T) {
	got := ParseReport(strings.ReplaceAll(finished, "\n", "\r\n"))
	one := "=== RUN   TestOne\n=== RUN   TestOne/sub\n--- PASS: TestOne (0.10s)\n    --- PASS: TestOne/sub (0.01s)\n"
	two := "=== RUN   TestTwo\n    two_test.go:3: got 1, want 2\n--- FAIL: TestTwo (0.01s)\nFAIL\n"
	three := "=== RUN   TestThree\n--- PASS: TestThree (0.00s)\nPASS\n"
	want := Report{
		Release: "6.1.0",
		Ended:   true,
		Suites: []SuiteReport{
			{Package: "internal/a", Status: "exit status 1", Output: one + two, Tests: []TestReport{
				{"TestOne", "PASS", "0.10s", one}, {"TestTwo", "FAIL", "0.01s", two},
			}},
			{Package: "internal/b", Output: three, Tests: []TestReport{{"TestThree", "PASS", "0.00s", three}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if err := got.fault(); err != nil {
		t.Errorf("fault: %v", err)
	}
}

func TestReportOfTestsAtTheSameTime(t *testing.T) {
	const text = `vmtest: boot 6.1.0
vmtest: run internal/a
=== RUN   TestOne
=== PAUSE TestOne
=== RUN   TestTwo
=== RUN   TestTwo/sub
=== PAUSE TestTwo
=== CONT  TestOne
=== CONT  TestTwo
    two_test.go:3: two
=== NAME  TestOne
    one_test.go:3: one
--- FAIL: TestTwo (0.30s)
    --- FAIL: TestTwo/sub (0.20s)
--- PASS: TestOne (0.40s)
FAIL
vmtest: exit internal/a exit status 1
vmtest: end
`
	want := []TestReport{
		{"TestOne", "PASS", "0.40s", "=== RUN   TestOne\n=== PAUSE TestOne\n=== CONT  TestOne\n=== NAME  TestOne\n    one_test.go:3: one\n--- PASS: TestOne (0.40s)\nFAIL\n"},
		{"TestTwo", "FAIL", "0.30s", "=== RUN   TestTwo\n=== RUN   TestTwo/sub\n=== PAUSE TestTwo\n=== CONT  TestTwo\n    two_test.go:3: two\n--- FAIL: TestTwo (0.30s)\n    --- FAIL: TestTwo/sub (0.20s)\n"},
	}
	if diff := cmp.Diff(want, ParseReport(text).Suite("internal/a").Tests); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
}

func TestReportOfADeadMachine(t *testing.T) {
	text, _, _ := strings.Cut(finished, "--- PASS: TestThree")
	got := ParseReport(text)
	if got.fault() == nil {
		t.Error("no fault without the end line")
	}
	b := got.Suite("internal/b")
	if b.Status != "running" || b.Test("TestThree").Outcome != "" {
		t.Errorf("got status %q, outcome %q, want a running package and an unfinished test", b.Status, b.Test("TestThree").Outcome)
	}
	if got := got.Suite("internal/c").Status; got != "not run" {
		t.Errorf("status of a package that was never reached: got %q, want %q", got, "not run")
	}
}

func TestConsoleFault(t *testing.T) {
	if err := consoleFault([]byte("[ 1.0] random: crng init done\n[ 2.0] reboot: Power down\n")); err != nil {
		t.Errorf("healthy console: %v", err)
	}
	err := consoleFault([]byte("[ 1.0] fine\r\n[ 2.0] Kernel panic - not syncing: Fatal exception\r\n"))
	if err == nil || !strings.Contains(err.Error(), "not syncing") {
		t.Errorf("panic: got %v", err)
	}
}
