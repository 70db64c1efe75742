package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/channel"
)

// modelObject is OpenAI's model object, and under "kakeya" what the channel is made of.
type modelObject struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	OwnedBy string         `json:"owned_by"`
	Kakeya  channelSummary `json:"kakeya"`
}

// models is GET /v1/models.
func (s *Server) models(x *exchange) error {
	all := s.router.Set().All()
	data := make([]modelObject, len(all))
	for i, c := range all {
		data[i] = s.modelObject(c)
	}
	return encode(x, struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{"list", data})
}

// model is GET /v1/models/{id}: the model object with all that is known of the channel. The id
// may have slashes in it.
func (s *Server) model(x *exchange) error {
	c, err := s.router.Set().Resolve(strings.TrimPrefix(x.path, pathModels+"/"))
	if err != nil {
		return err
	}
	return encode(x, struct {
		modelObject
		Kakeya channelDetail `json:"kakeya"`
	}{s.modelObject(c), s.detail(c)})
}

func (s *Server) modelObject(c *channel.Channel) modelObject {
	return modelObject{ID: c.Name, Object: "model", Created: c.Created.Unix(), OwnedBy: "kakeyad", Kakeya: s.summary(c)}
}

func encode(x *exchange, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	writeJSON(x.http, body)
	return nil
}
