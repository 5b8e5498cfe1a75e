// Package propose makes a rule of Guarder from a form that a model or the built-in
// explainer has filled in, and refuses most forms.
//
// The form holds handles alone, so a rule can only be about what was observed. The text of
// the rule is written here: nothing that a model has written is in it. Then the real
// decoder of policies judges it, and the real interpreter is asked whether it drops
// anything of an address that is protected.
//
// Before a rule is shown it is held against the live flows of the host: see
// [Limits.Rehearsed]. Nothing here can put a rule in force: this process can change nothing at
// Guarder. The operator
// of the host fetches a proposal, which is checked there again, against the policy and the
// connections of that host.
package propose
