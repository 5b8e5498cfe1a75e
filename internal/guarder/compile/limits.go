package compile

import (
	"errors"
	"fmt"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A RuleError names the rule that goes beyond a limit of the classifier.
type RuleError struct {
	Rule *policy.Rule
	Err  error
}

// Error returns "file:line:column: rule ... of group ...: ...".
func (e *RuleError) Error() string {
	r, at := e.Rule, ""
	if r.At.File != "" {
		at = fmt.Sprintf("%s:%d:%d: ", r.At.File, r.At.Line, r.At.Column)
	}
	return fmt.Sprintf("%srule %q of group %q: %v", at, r.Name, r.Group, e.Err)
}

// Unwrap returns what is beyond a limit.
func (e *RuleError) Unwrap() error { return e.Err }

// Check compiles a policy and returns what keeps it from being put in force, as a fault:
// there is at most one.
func Check(p *policy.Policy, options Options) []policy.Fault {
	_, err := Compile(p, options)
	if err == nil {
		return nil
	}
	if one := (*RuleError)(nil); errors.As(err, &one) {
		return []policy.Fault{one.Rule.About(policy.OverBudget, "", "%v", one.Err)}
	}
	var at policy.Position
	if len(p.Rules) > 0 {
		at.File = p.Rules[0].At.File
	}
	return []policy.Fault{policy.NewFault(policy.OverBudget, at, "", "", "%v", err)}
}
