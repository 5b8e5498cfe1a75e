package servers

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// An AlertmanagerConfig is an alertmanager.yml on its way to a server of a test. What
// no method names stays as it is.
type AlertmanagerConfig struct{ d document }

// ReadAlertmanager begins with the file that we ship.
func ReadAlertmanager(text []byte) (*AlertmanagerConfig, error) {
	d, err := decode(text)
	return &AlertmanagerConfig{d}, err
}

// For takes away the keys that the version does not know: before 0.28 webhooks had no
// timeout of their own, and before 0.26 no file for their URL; they get some URL then.
func (c *AlertmanagerConfig) For(v Version) {
	each(c.d, "receivers", func(r document) {
		each(r, "webhook_configs", func(hook document) {
			if v.Before(0, 28) {
				delete(hook, "timeout")
			}
			if v.Before(0, 26) && hook["url_file"] != nil {
				delete(hook, "url_file")
				hook["url"] = "http://127.0.0.1:1/"
			}
		})
	})
}

// At shortens the times of the routes.
func (c *AlertmanagerConfig) At(p Pace) error {
	return p.route(at(c.d, "route"))
}

func (p Pace) route(r document) error {
	err := p.durations(r, "group_wait", "group_interval", "repeat_interval")
	each(r, "routes", func(inner document) {
		if err == nil {
			err = p.route(inner)
		}
	})
	return err
}

// Call makes a receiver call the URL: with the webhook that it has, if it has one.
func (c *AlertmanagerConfig) Call(receiver, url string) error {
	found := false
	each(c.d, "receivers", func(r document) {
		if r["name"] != receiver {
			return
		}
		found = true
		if r["webhook_configs"] == nil {
			r["webhook_configs"] = []any{document{}}
		}
		each(r, "webhook_configs", func(hook document) { hook["url"] = url })
	})
	if !found {
		return fmt.Errorf("alertmanager.yml has no receiver %q", receiver)
	}
	return nil
}

// Tokens makes webhooks that send a token read it from the file.
func (c *AlertmanagerConfig) Tokens(file string) {
	c.clients(func(client document) {
		if authorization, ok := client["authorization"].(document); ok {
			authorization["credentials_file"] = file
		}
	})
}

// WithoutTokens makes webhooks send none.
func (c *AlertmanagerConfig) WithoutTokens() {
	c.clients(func(client document) { delete(client, "authorization") })
}

// clients calls f with how webhooks send, where they say so.
func (c *AlertmanagerConfig) clients(f func(document)) {
	each(c.d, "receivers", func(r document) {
		each(r, "webhook_configs", func(hook document) {
			if client, ok := hook["http_config"].(document); ok {
				f(client)
			}
		})
	})
}

// Text returns the file.
func (c *AlertmanagerConfig) Text() ([]byte, error) { return yaml.Marshal(c.d) }
