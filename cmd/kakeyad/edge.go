package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/host"
)

// serverOptions are the configuration's, as the API has them.
func (d *daemon) serverOptions() api.Options {
	s := d.config.Server
	return api.Options{
		Router: d.router, Version: version, Logger: d.log, Experiments: d.results, Shadow: d.shadow,
		Origins: s.Origins, Keys: d.config.Keys, Plugins: d.plugins,
		ScopeByKey: d.config.Sessions.Scope == config.ScopeKey,
		Limits: api.Limits{
			Requests: s.MaxStreams, RequestsPerKey: s.MaxStreamsPerKey,
			Queue: s.Queue, QueueWait: time.Duration(s.QueueWait),
		},
		MaxBody:     int(s.MaxBody),
		IdleTimeout: time.Duration(s.IdleTimeout),
		ReadTimeout: time.Duration(s.ReadTimeout),
		Timeout:     time.Duration(s.RequestTimeout),
	}
}

// plugins are the host's, as the API's metrics have them.
func (d *daemon) plugins() []api.PluginStatus {
	all := d.host.Status()
	out := make([]api.PluginStatus, len(all))
	for i, p := range all {
		out[i] = api.PluginStatus{
			Kind: string(p.Kind), Name: p.Name, PID: p.PID, Running: p.State == host.StateRunning, Restarts: p.Restarts, RSS: p.RSS,
			State: string(p.State), Reason: string(p.End), Ends: map[string]int{},
		}
		for _, end := range host.AllEnds {
			out[i].Ends[string(end)] = p.Ends[end]
		}
		if p.Error != nil {
			out[i].Error = p.Error.Error()
		}
	}
	return out
}

// secured puts TLS over a listener when there is a certificate. On an error the listener is closed.
func secured(l net.Listener, s config.Server) (net.Listener, error) {
	if s.TLSCert == "" {
		return l, nil
	}
	certificate, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the TLS certificate (server.tls_cert, server.tls_key): %w", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), nil
}

// warnOfOpenness says loudly that anybody may use what is served.
func (d *daemon) warnOfOpenness(cfg *config.Config) {
	if len(cfg.Keys) == 0 && !isLoopback(d.listener.Addr()) {
		d.log.Warn("ANYONE WHO REACHES THIS ADDRESS CAN USE YOUR MODELS: no API key is set. Set KAKEYAD_SERVER__API_KEY or server.api_keys_file, or listen on 127.0.0.1",
			"address", d.listener.Addr().String())
	}
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// scheme is that of the daemon's URLs.
func (d *daemon) scheme() string {
	if d.config.Server.TLSCert != "" {
		return "https"
	}
	return "http"
}
