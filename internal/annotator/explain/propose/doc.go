// Package propose makes a rule of Guarder from a form that a model or the built-in
// explainer has filled in, and refuses most forms.
//
// The form holds handles alone, so a rule can only be about what was observed. The text of
// the rule is written here: nothing that a model has written is in it. Then the real
// decoder of policies judges it, and the real interpreter is asked whether it drops
// anything of an address that is protected.
//
// Nothing here can put a rule in force: this process has no way to Guarder. The operator
// of the host fetches a proposal, which is checked there again, against the policy and the
// connections of that host.
package propose
