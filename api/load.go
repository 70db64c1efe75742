package api

import (
	"errors"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/pool"
)

// load is POST /v1/kakeya/load: it returns when the channel's model is loaded.
func (s *Server) load(x *exchange) error {
	model, err := openai.ReadModel(x.http.PostBody())
	if err != nil {
		return err
	}
	call, _, release, err := s.open(x, model)
	if err != nil {
		return err
	}
	defer release()
	return encode(x, s.modelObject(call.Channel()))
}

// unload is POST /v1/kakeya/unload: it waits for the requests that use the channel's model and
// returns when its memory is free. The next request loads it again.
func (s *Server) unload(x *exchange) error {
	model, err := openai.ReadModel(x.http.PostBody())
	if err != nil {
		return err
	}
	c, err := s.router.Set().Resolve(model)
	if err != nil {
		return err
	}
	x.model = c.Name
	if err := s.router.Unload(s.ctx, c.First()); err != nil && !errors.Is(err, pool.ErrNotLoaded) {
		return err
	}
	return encode(x, s.modelObject(c))
}
