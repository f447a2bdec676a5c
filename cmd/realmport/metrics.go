package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realmport/realmport/internal/jobs"
	"github.com/realmport/realmport/internal/pace"
)

// metrics are what operators watch of a process.
type metrics struct {
	registry *prometheus.Registry
	ages     *pace.Ages
	exports  prometheus.Gauge
	parts    *prometheus.CounterVec
}

func newMetrics(gate func() *pace.Gate) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), ages: &pace.Ages{},
		exports: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "realmport_exports_at_work", Help: "Exports that this process works on.",
		}),
		parts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realmport_parts_total", Help: "Jobs of parts that this process has ended, by how: done, failed, or left to another process.",
		}, []string{"end"}),
	}
	m.registry.MustRegister(m.exports, m.parts, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realmport_snapshot_age_seconds", Help: "For how long the oldest snapshot has been open in which this process takes part; 0 without one.",
		}, func() float64 { return m.ages.Oldest().Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realmport_snapshots_open", Help: "Snapshots of the source that this process has open.",
		}, func() float64 { return float64(m.ages.Open()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realmport_paused", Help: "1 while reading pauses since the server of the source is too busy.",
		}, func() float64 {
			if gate().Paused() != "" {
				return 1
			}
			return 0
		}))
	return m
}

// work counts the exports that are at work.
func (m *metrics) work(do jobs.Work) jobs.Work {
	return func(ctx context.Context, id int64) (time.Duration, error) {
		m.exports.Inc()
		defer m.exports.Dec()
		return do(ctx, id)
	}
}

// part counts parts.
func (m *metrics) part(do jobs.Part) jobs.Part {
	return func(ctx context.Context, attempt string, number int) (time.Duration, error) {
		again, err := do(ctx, attempt, number)
		end := "done"
		switch {
		case err != nil:
			end = "failed"
		case again > 0:
			end = "left"
		}
		m.parts.WithLabelValues(end).Inc()
		return again, err
	}
}

// serveMetrics serves the metrics, if that is configured, until the service is closed.
func (s *service) serveMetrics(ctx context.Context) error {
	if s.cfg.MetricsListen == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.MetricsListen)
	if err != nil {
		return listenError(s.cfg.MetricsListen, "--metrics-listen", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime, WriteTimeout: idleTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize}
	go func() { _ = server.Serve(listener) }()
	s.closeLater(server.Close)
	s.log.Info("serving metrics", "address", listener.Addr().String())
	return nil
}
