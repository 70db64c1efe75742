package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/config"
)

// startDaemon serves a configuration within the test, with more lines of it, on a free port.
func startDaemon(t *testing.T, file, more string) *daemon {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	more = fmt.Sprintf("\nlisten: 127.0.0.1:0\ndata_dir: %q\n%s", t.TempDir(), more)
	require.NoError(t, os.WriteFile(file, append(text, more...), 0o600))
	d, err := newDaemon(t.Context(), config.Options{File: file}, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.stop(context.Background(), nil)) })
	return d
}

// certificate makes one with its key, that nobody has signed, and returns a configuration's lines for it.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"elsewhere.example"}}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: signed}, "key": {Type: "PRIVATE KEY", Bytes: private}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	return fmt.Sprintf("server: {api_key: secret, tls_cert: %q, tls_key: %q}\n", filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
}

func TestClientGivesTheKey(t *testing.T) {
	model := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, os.WriteFile(model, []byte("a model"), 0o600))
	config := writeConfig(t, fmt.Sprintf("models: {tiny: {file: %q}}\n", model))
	d := startDaemon(t, config, "server: {api_key: secret}\n")
	address := d.listener.Addr().String()

	_, err := run(t, "ps", "--url", "http://"+address)
	require.ErrorContains(t, err, "--api-key")
	_, err = run(t, "ps", "--url", "http://"+address, "--api-key", "wrong")
	require.ErrorContains(t, err, "--api-key")
	_, err = run(t, "ps", "--url", "http://"+address+"/v1/", "--api-key", "secret")
	require.NoError(t, err, "the address may be that of the API")
	_, err = run(t, "ps", "--config", config, "--listen", address)
	require.NoError(t, err, "the configuration's own daemon gets the configuration's key")
	out, err := run(t, "show", "tiny", "--config", config, "--url", "http://"+address, "--api-key", "wrong")
	require.NoError(t, err, "the channel is shown all the same")
	assert.Contains(t, out, "not known: ")
	_, err = run(t, "ps", "--url", address)
	require.ErrorContains(t, err, "is not an address such as http://")
}

func TestClientTrustsTheCertificateOfTheConfigurationAlone(t *testing.T) {
	config := writeConfig(t, "models: {tiny: {file: none.gguf}}\n")
	d := startDaemon(t, config, certificate(t))
	address := d.listener.Addr().String()
	out, err := run(t, "ps", "--config", config, "--listen", address)
	require.NoError(t, err, "nobody signed it, and it has another name: it is the very one")
	assert.Contains(t, out, "in use")

	other := writeConfig(t, certificate(t))
	_, err = run(t, "ps", "--config", other, "--listen", address)
	require.ErrorContains(t, err, "does not have the certificate of server.tls_cert")
	require.NotErrorIs(t, err, errNoDaemon)
	_, err = run(t, "ps", "--url", "https://"+address, "--api-key", "secret")
	require.ErrorContains(t, err, "certificate", "an address that is named is trusted as any other")
}

func TestClientSaysThatAnAnswerIsNoDaemons(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer page.Close()
	_, err := run(t, "ps", "--url", page.URL)
	require.ErrorContains(t, err, "is it a kakeyad")
}
