package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/packetscope/packetscope/internal/annotator/api"
)

// printPrompt prints what a model would be shown.
func printPrompt(w io.Writer, p api.Prompt) error {
	which := ""
	if len(p.WithheldLabels) > 0 {
		which = " (" + strings.Join(p.WithheldLabels, ", ") + ")"
	}
	if _, err := fmt.Fprintf(w, "--- system\n%s\n--- user\n%s\n--- schema\n%s\n--- %d bytes; privacy: %s; %d labels withheld%s, %d facts left out\n",
		printable(p.System), printable(p.User), p.Schema, p.Bytes, p.Privacy, p.Withheld, printable(which), p.LeftOut); err != nil {
		return err
	}
	for i, when := range []string{"if the server does not enforce a schema", "when an answer was refused, with a word for its fault"} {
		if i >= len(p.Appendix) {
			break // an older annotator does not tell
		}
		text, _, _ := strings.Cut(strings.TrimSpace(p.Appendix[i]), "\n") // the schema is above
		if _, err := fmt.Fprintf(w, "--- behind the system's text, %s: %s\n", when, printable(text)); err != nil {
			return err
		}
	}
	return nil
}

// printExplained prints an explanation for people.
func printExplained(w io.Writer, x *api.Explained) error {
	e := x.Explanation
	if e == nil {
		return fmt.Errorf("the answer holds no explanation")
	}
	var b strings.Builder
	by := e.By
	if e.Model != "" {
		by += " " + e.Model
	}
	fmt.Fprintf(&b, "%s\n\n%s (confidence %s, by %s", e.Summary, strings.ReplaceAll(e.Verdict, "_", " "), e.Confidence, by)
	if x.NoModel != "" && x.NoModel != "none" {
		fmt.Fprintf(&b, "; no model: %s", strings.ReplaceAll(x.NoModel, "_", " "))
	}
	b.WriteString(")\n")
	if len(e.Findings) > 0 {
		b.WriteString("\nFindings:\n")
	}
	for _, f := range e.Findings {
		fmt.Fprintf(&b, "  - %s\n", f.Text)
	}
	if len(e.Checks) > 0 {
		b.WriteString("\nNext:\n")
	}
	for _, c := range e.Checks {
		fmt.Fprintf(&b, "  - %s\n", c.Text)
		if c.PromQL != "" {
			fmt.Fprintf(&b, "    %s\n", c.PromQL)
		}
	}
	if x.Rule != "" {
		fmt.Fprintf(&b, "\nA rule that could be tried:\n%s\n", x.Rule)
	}
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

// printable takes out of a stranger's text what could move the cursor of a terminal or hide.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, text)
}
