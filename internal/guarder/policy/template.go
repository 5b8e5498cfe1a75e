package policy

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// AlertFields are what the annotations of an alert can tell, as {{.Rule}}. All are texts,
// "" if not known, so that each of them can stand anywhere.
type AlertFields struct {
	// Alert is the name of the alert, and Host where it fires.
	Alert, Host string
	// Group and Rule name the rule, and Place is its file and line.
	Group, Rule, Place string
	// Attack and Severity are labels of the rule, and Summary is its annotation.
	Attack, Severity, Summary string
	// Mode is enforce if the packets are dropped, and audit if they only would be.
	Mode string
	// Packets are those that the rule matched within the time Over, a number, and Rate is
	// how many that is per second.
	Packets, Over, Rate string
	// Sources are the addresses, or prefixes of IPv6, that most packets came from, and
	// Countries and Networks where those are: lists, the busiest first. A source that can
	// be forged may be.
	Sources, Countries, Networks string
	// Sample are the first bytes of a packet, in hex.
	Sample string
}

// templateFuncs are the functions of templates, beside those of the language in
// templateBuiltins.
var templateFuncs = template.FuncMap{"upper": strings.ToUpper, "lower": strings.ToLower}

// templateBuiltins leaves out those that can make a long text of a short one, as printf can.
var templateBuiltins = []string{"and", "or", "not", "eq", "ne"}

// maxTemplate is the length of the longest template, in bytes.
const maxTemplate = 4096

// ParseTemplate reads a template of text/template that uses nothing but the fields of
// [AlertFields], the functions and, or, not, eq, ne, upper and lower, and if and with. So it
// ends, and its text is hardly longer than it and the fields are.
func ParseTemplate(text string) (*template.Template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("a template of %d bytes; at most %d", len(text), maxTemplate)
	}
	t, err := template.New("").Funcs(templateFuncs).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("a template cannot define others")
	}
	if t.Tree == nil { // empty
		return template.Must(template.New("").Parse(`{{""}}`)), nil
	}
	if err := checkNode(t.Root); err != nil {
		return nil, err
	}
	// What has the wrong type shows now, as all fields are texts.
	var sample AlertFields
	for i := range reflect.TypeFor[AlertFields]().NumField() {
		reflect.ValueOf(&sample).Elem().Field(i).SetString("x")
	}
	for _, fields := range []AlertFields{{}, sample} {
		if err := t.Execute(io.Discard, fields); err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
		}
	}
	return t, nil
}

// checkNode returns what a template must not have.
func checkNode(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return firstError(n.Nodes)
	case *parse.ActionNode:
		return checkNode(n.Pipe)
	case *parse.IfNode:
		return errors.Join(checkNode(n.Pipe), checkNode(n.List), checkNode(n.ElseList))
	case *parse.WithNode:
		return errors.Join(checkNode(n.Pipe), checkNode(n.List), checkNode(n.ElseList))
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return errors.New("variables are not known here")
		}
		return firstError(n.Cmds)
	case *parse.CommandNode:
		return firstError(n.Args)
	case *parse.FieldNode:
		return checkField(n.Ident)
	case *parse.IdentifierNode:
		if templateFuncs[n.Ident] == nil && !slices.Contains(templateBuiltins, n.Ident) {
			return fmt.Errorf("no function %q; have %s, lower, upper", n.Ident, strings.Join(templateBuiltins, ", "))
		}
		return nil
	case *parse.StringNode:
		if strings.Contains(n.Text, "{{") { // it would be one of Prometheus' (guard export-rules)
			return fmt.Errorf("the text %s begins a template", n.Quoted)
		}
		return nil
	case *parse.TextNode, *parse.DotNode, *parse.BoolNode, *parse.CommentNode:
		return nil
	}
	return fmt.Errorf("%s is not known here", n)
}

func firstError[T parse.Node](nodes []T) error {
	for _, n := range nodes {
		if err := checkNode(n); err != nil {
			return err
		}
	}
	return nil
}

func checkField(names []string) error {
	fields := reflect.TypeFor[AlertFields]()
	if _, ok := fields.FieldByName(names[0]); ok && len(names) == 1 {
		return nil
	}
	var known []string
	for f := range fields.Fields() {
		known = append(known, f.Name)
	}
	name := strings.Join(names, ".")
	hint := "have " + strings.Join(known, ", ")
	if meant := suggest(name, known); strings.HasPrefix(meant, "did") {
		hint = meant
	}
	return fmt.Errorf("no field %q; %s", name, hint)
}
