package config

// NeedsRestart returns the keys whose values differ and are asked once, when the
// annotator starts; nil if there is none. For all others another engine will do.
func NeedsRestart(before, after Config) []string {
	a, b := before.Store, after.Store
	var keys []string
	for _, setting := range []struct {
		key  string
		same bool
	}{
		{"listen.address", before.Listen.Address == after.Listen.Address},
		// The file is read anew for each connection, but from the same path.
		{"listen.web_config", before.Listen.WebConfig == after.Listen.WebConfig},
		// The webhook is there once, as what listens is.
		{"listen.max_body", before.Listen.Limits == after.Listen.Limits},
		{"store", a.Path == b.Path && a.MaxInbox == b.MaxInbox && a.MaxBytes == b.MaxBytes && a.Keep == b.Keep && a.Seen == b.Seen},
	} {
		if !setting.same {
			keys = append(keys, setting.key)
		}
	}
	return keys
}
