//go:build compose && linux

package deploy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// onHost calls f in the network namespace of the engine, which is "the host" to containers.
// Sockets that it opens stay there.
func (e *engine) onHost(f func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, which is elsewhere now, ends with the goroutine.
		runtime.LockOSThread()
		namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", e.pid))
		if err != nil {
			result <- err
			return
		}
		defer namespace.Close()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter the network of dockerd: %w", err)
			return
		}
		result <- f()
	}()
	return <-result
}

// listen listens on the loopback of "the host".
func (e *engine) listen(address string) (l net.Listener, err error) {
	err = e.onHost(func() error {
		l, err = net.Listen("tcp4", address)
		return err
	})
	return l, err
}

// ask sends a request to a server on the loopback of "the host", as a program there would,
// and returns the code and the text of its answer.
func (e *engine) ask(method, url, token, body string) (code int, text string, err error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, address string) (c net.Conn, err error) {
			err = e.onHost(func() error {
				// An address, so that the dialer needs no other thread.
				c, err = (&net.Dialer{}).DialContext(ctx, "tcp4", address)
				return err
			})
			return c, err
		},
	}}
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(all), err
}
