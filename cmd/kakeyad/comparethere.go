package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/config"
)

// longestEvent bounds an event of a daemon's answer: the report has all samples.
const longestEvent = 256 << 20

// compareThere has a running daemon compare its channels.
func compareThere(ctx context.Context, cmd *cobra.Command, cfg *config.Config, names []string, o compare.Options) (*compare.Report, error) {
	daemon, err := findRemote(cmd, cfg)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(compare.Request{
		Channels: names, Prompts: o.Prompts, Rounds: o.Rounds, Tokens: o.Tokens, Level: o.Level, Seed: o.Seed,
		Text: o.Text, TextName: o.TextName, Context: o.Context, Windows: o.Windows, NoScores: o.NoScores,
	})
	if err != nil {
		return nil, err
	}
	events, err := daemon.events(ctx, "/v1/kakeya/compare", body)
	if err != nil {
		return nil, err
	}
	defer events.Close()
	show, done := comparisonBar(cmd.ErrOrStderr())
	defer done()
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var event struct {
			Type string `json:"type"`
			compare.Progress
			Report json.RawMessage `json:"report"`
			Error  json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(data, &event); err != nil {
			return nil, fmt.Errorf("the answer of %s is not understood; is it a kakeyad of this version?: %w", daemon.url, err)
		}
		switch {
		case event.Error != nil:
			return nil, daemon.refusal(http.StatusInternalServerError, data)
		case event.Report != nil:
			return compare.Read(bytes.NewReader(event.Report))
		default:
			show(event.Progress)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s ended its answer without a report: %w", daemon.url, io.ErrUnexpectedEOF)
}
