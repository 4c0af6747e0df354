package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/certificate"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/config"
)

// adminClient is a daemon's operator's port.
type adminClient config.Admin

// adminPort is that of the gateway which the settings are of.
func (c cli) adminPort() (adminClient, error) {
	lookup, _, err := c.lookup()
	if err != nil {
		return adminClient{}, err
	}
	at := adminClient(config.AdminOf(lookup))
	if at.Token == "" {
		at.Token, _ = operator.ReadToken(at.TokenFile) // reading needs none, and the daemon says so where it is needed
	}
	return at, nil
}

// send makes one request of it.
func (at adminClient) send(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*operator.Timeout)
	defer cancel()
	resp, done, err := at.do(ctx, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	defer done()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// refusal is what the operator's port said of a request that it did not do: its status, and its sentence where
// there is one.
func refusal(status int, answer []byte) error {
	var said struct{ Error string }
	_ = json.Unmarshal(answer, &said)
	return fmt.Errorf("%d: %s", status, said.Error)
}

// do makes a request whose answer may be long; done is to be called behind it.
func (at adminClient) do(ctx context.Context, method, path string, body []byte) (resp *http.Response, done func(), err error) {
	client, scheme := http.DefaultClient, "http://"
	if at.CertFile != "" {
		host, _, _ := net.SplitHostPort(reachable(at.Addr))
		client, scheme = &http.Client{Transport: &http.Transport{TLSClientConfig: certificate.Trust(at.CertFile, host), ForceAttemptHTTP2: true}}, "https://"
	}
	req, err := http.NewRequestWithContext(ctx, method, scheme+reachable(at.Addr)+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set(operator.Header, at.Token)
	if resp, err = client.Do(req); err != nil {
		return nil, nil, err
	}
	return resp, func() {
		resp.Body.Close()
		client.CloseIdleConnections()
	}, nil
}

// backupTo has the gateway's store written into a file, which is there only when it is whole.
func (c cli) backupTo(ctx context.Context, path string) int {
	at, err := c.adminPort()
	if err == nil {
		err = at.backup(ctx, path)
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "otpgw ctl: no backup: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(c.stdout, "the backup is in %s; what is secret in it is sealed with the secret key, which is not in it: keep that elsewhere\n", path)
	return exitOK
}

func (at adminClient) backup(ctx context.Context, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	resp, done, err := at.do(ctx, http.MethodPost, "/backup", nil)
	if err != nil {
		return err
	}
	defer done()
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		_ = json.NewDecoder(resp.Body).Decode(&said)
		return errors.New(cmp.Or(said.Error, resp.Status))
	}
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
