package main

import (
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/experiment"
)

// openResults opens the results of channels that are two. A folder that another daemon uses is no reason not to serve:
// they are kept in memory alone then.
func openResults(dataDir string, log *slog.Logger) (*experiment.Registry, error) {
	r, err := experiment.Open(experiment.Options{File: filepath.Join(dataDir, "experiments"), Logger: log})
	if errors.Is(err, experiment.ErrInUse) {
		log.Error("another daemon keeps its experiments in this folder: the results of this one are kept in memory alone, and end with it. "+
			"Give each daemon a folder of its own by data_dir", "dir", dataDir, "error", err)
		return experiment.Open(experiment.Options{Logger: log})
	}
	return r, err
}
