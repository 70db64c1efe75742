package base

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"
)

func TestLogger(t *testing.T) {
	t.Setenv(EnvLogLevel, "warn")
	var out bytes.Buffer
	log := NewLogger(&out)
	log.Info("not wanted")
	if out.Len() > 0 {
		t.Fatalf("info was logged at warn: %s", out.Bytes())
	}
	log.Warn("slow", "model", "m", "time", 3, "level", 4, "msg", 5, slog.Group("g", "level", slog.LevelInfo))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["@message"] != "slow" || line["@level"] != "warn" || line["model"] != "m" {
		t.Errorf("line %v", line)
	}
	stamp, _ := line["@timestamp"].(string)
	if _, err := time.Parse(timeFormat, stamp); err != nil {
		t.Error(err)
	}
	// The host's end takes the marked fields for strings.
	if line["time"] != 3.0 || line["level"] != 4.0 || line["msg"] != 5.0 {
		t.Errorf("attributes that are named like fields: %v", line)
	}
}

func TestLoggerLevels(t *testing.T) {
	for text, want := range map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "error": slog.LevelError, "loud": slog.LevelInfo} {
		t.Setenv(EnvLogLevel, text)
		if got := logLevel(); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}
