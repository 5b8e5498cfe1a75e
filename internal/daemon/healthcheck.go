package daemon

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// AddHealthcheck adds the verb for container images that hold no shell and no HTTP client.
// What is served is called such as "exporter" in its help; url is asked by default.
func AddHealthcheck(app *kingpin.Application, what, url string) func(context.Context) error {
	command := app.Command("healthcheck", "Ask a running "+what+" whether it is ready; exit 0 if so.")
	asked := command.Flag("url", "What to ask; user:password@ before the host serves for basic auth.").
		Default(url).String()
	timeout := command.Flag("timeout", "How long to wait for the answer.").Default("3s").Duration()
	insecure := command.Flag("insecure", "Accept any certificate, as for a name that is not 127.0.0.1.").Bool()
	return func(ctx context.Context) error { return healthcheck(ctx, *asked, *timeout, *insecure) }
}

// healthcheck returns an error unless url answers with a status of 2xx in time.
func healthcheck(ctx context.Context, url string, timeout time.Duration, insecure bool) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	// No proxy: it is about this machine.
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure},
		DisableKeepAlives: true,
	}}
	response, err := client.Do(request)
	if err != nil {
		// It names the method and the URL, without the password.
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 == 2 {
		return nil
	}
	reason, _ := bufio.NewReader(response.Body).ReadString('\n')
	return fmt.Errorf("%s answers %s: %s", request.URL.Redacted(), response.Status, strings.TrimSpace(reason))
}
