package api

import (
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/experiment"
)

const pathExperiments = "/v1/kakeya/experiments"

// experiments is GET /v1/kakeya/experiments.
func (s *Server) experiments(x *exchange) error {
	reports := []experiment.Report{}
	if r := s.options.Experiments; r != nil {
		reports = r.Reports()
	}
	return encode(x, struct {
		Experiments []experiment.Report `json:"experiments"`
	}{reports})
}

// experiment is GET /v1/kakeya/experiments/{name}. A name may have slashes in it.
func (s *Server) experiment(x *exchange) error {
	name := strings.TrimPrefix(x.path, pathExperiments+"/")
	if r := s.options.Experiments; r != nil {
		if report, ok := r.Report(name); ok {
			return encode(x, report)
		}
	}
	return noExperiment(name)
}

// resetExperiment is DELETE /v1/kakeya/experiments/{name}: its results are forgotten, and it begins anew.
func (s *Server) resetExperiment(x *exchange) error {
	name := strings.TrimPrefix(x.path, pathExperiments+"/")
	if r := s.options.Experiments; r == nil || !r.Reset(name) {
		return noExperiment(name)
	}
	return s.experiment(x)
}

func noExperiment(name string) error {
	return &openai.Error{
		Status: 404, Type: openai.TypeInvalid, Code: "experiment_not_found",
		Message: fmt.Sprintf("there is no experiment %.200q: an experiment is a channel with ab in the configuration", name),
	}
}
