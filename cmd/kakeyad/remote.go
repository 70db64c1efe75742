package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/config"
)

// errNoDaemon: nothing takes a connection where a daemon is looked for. A daemon that takes one and is slow, or
// is not the one that was meant, is another error: what it has loaded is not known.
var errNoDaemon = errors.New("no daemon answers")

// askTimeout bounds a question to a daemon, but for those that wait for a model.
const askTimeout = 10 * time.Second

// remote is a daemon as the command line speaks to it.
type remote struct {
	url  string // without a slash at the end
	key  string // API key; "": none
	http *http.Client
}

// addRemoteFlags adds the flags that say where the daemon is.
func addRemoteFlags(cmd *cobra.Command) {
	cmd.Flags().String("url", "", "`URL` of the daemon; by default the address that the configuration serves")
	cmd.Flags().String("api-key", "", "`KEY` for the daemon of --url; the configuration's own daemon gets the configuration's")
}

// findRemote is the daemon that the flags name, else that of the configuration. Whether it runs is not asked.
func findRemote(cmd *cobra.Command, cfg *config.Config) (*remote, error) {
	address, err := cmd.Flags().GetString("url")
	if err != nil {
		return nil, err
	}
	key, err := cmd.Flags().GetString("api-key")
	if err != nil {
		return nil, err
	}
	if address == "" {
		return remoteOf(cfg, cfg.Listen, key)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--url %q is not an address such as http://127.0.0.1:8317", address)
	}
	return &remote{url: strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/v1"), key: key, http: &http.Client{}}, nil
}

// remoteOf is the daemon of a configuration at the address that it serves.
func remoteOf(cfg *config.Config, listen, key string) (*remote, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	r := &remote{url: "http://" + net.JoinHostPort(host, port), key: key, http: &http.Client{}}
	if key == "" && len(cfg.Keys) > 0 {
		r.key = cfg.Keys[0]
	}
	if cfg.Server.TLSCert == "" {
		return r, nil
	}
	r.url = "https" + strings.TrimPrefix(r.url, "http")
	pinned, err := pin(cfg.Server.TLSCert)
	if err != nil {
		return nil, err
	}
	r.http.Transport = &http.Transport{TLSClientConfig: pinned}
	return r, nil
}

// pin trusts the certificate of a file, whatever names it has: it is the daemon's own, on this machine.
func pin(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the TLS certificate (server.tls_cert): %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM certificate (server.tls_cert)", file)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyPeerCertificate wants this very certificate
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], block.Bytes) {
				return errors.New("the server does not have the certificate of server.tls_cert")
			}
			return nil
		},
	}, nil
}

// ask sends a request, with a JSON body unless it is nil, and decodes the answer.
func (r *remote) ask(ctx context.Context, path string, body, into any) error {
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		return r.send(ctx, http.MethodPost, path, bytes.NewReader(text), into)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return r.send(ctx, http.MethodGet, path, nil, into)
}

// send sends a request, whose body may be nil, and decodes the answer.
func (r *remote) send(ctx context.Context, method, path string, reader io.Reader, into any) error {
	resp, err := r.do(ctx, method, path, reader)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return r.refusal(resp.StatusCode, answer)
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the answer of %s is not understood; is it a kakeyad of this version?: %w", r.url, err)
	}
	return nil
}

// do sends a request.
func (r *remote) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, body)
	if err != nil {
		return nil, err
	}
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	resp, err := r.http.Do(req)
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return nil, fmt.Errorf("%w at %s (start one by `kakeyad serve`, or name it by --url): %w", errNoDaemon, r.url, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the daemon at %s: %w", r.url, err)
	}
	return resp, nil
}

// events sends a JSON body and returns the stream that answers it, which the caller closes.
func (r *remote) events(ctx context.Context, path string, body []byte) (io.ReadCloser, error) {
	resp, err := r.do(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return nil, r.refusal(resp.StatusCode, answer)
}

func (r *remote) refusal(status int, body []byte) error {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error.Message == "" {
		return fmt.Errorf("%s answered %d %s", r.url, status, http.StatusText(status))
	}
	if status == http.StatusUnauthorized {
		return fmt.Errorf("%s: %s (--api-key, or KAKEYAD_SERVER__API_KEY)", r.url, answer.Error.Message)
	}
	return errors.New(answer.Error.Message)
}

// loadedModel is what `ps` and others want to know of a loaded model.
type loadedModel struct {
	Key      string `json:"model"`
	State    string `json:"state"`
	Requests int    `json:"requests"`
	Pinned   bool   `json:"pinned"`
}

// loaded asks which models are loaded or on their way.
func (r *remote) loaded(ctx context.Context) ([]loadedModel, error) {
	var stats struct {
		Models []loadedModel `json:"models"`
	}
	err := r.ask(ctx, "/v1/kakeya/stats", nil, &stats)
	return stats.Models, err
}
