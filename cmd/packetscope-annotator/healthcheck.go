package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/annotator/config"
)

// addHealthcheck adds the verb for container images that hold no shell and no
// HTTP client.
func addHealthcheck(app *kingpin.Application) verb {
	command := app.Command("healthcheck", "Ask a running annotator whether it is ready; exit 0 if so.")
	url := command.Flag("url", "What to ask; user:password@ before the host serves for basic auth.").
		Default("http://127.0.0.1" + config.DefaultAddress + "/-/ready").String()
	timeout := command.Flag("timeout", "How long to wait for the answer.").Default("3s").Duration()
	insecure := command.Flag("insecure", "Accept any certificate, as for a name that is not 127.0.0.1.").Bool()
	return func(ctx context.Context, _ env, _ *slog.Logger) error {
		return healthcheck(ctx, *url, *timeout, *insecure)
	}
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
