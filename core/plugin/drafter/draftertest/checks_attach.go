package draftertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var infoChecks = []Check{
	{
		Name: "info/identity",
		Doc:  "Info tells kind, name, version and the API version, and never changes.",
		Run:  checkInfo,
	},
	{
		Name: "info/health",
		Doc:  "A drafter that can be asked is OK, and its uptime grows.",
		Run:  checkHealth,
	},
}

var attachChecks = []Check{
	{
		Name: "attach/describe",
		Doc:  "An attachment describes itself within the limits, and never otherwise.",
		Run:  checkDescribe,
	},
	{
		Name: "attach/unknown-param",
		Doc:  "A parameter that the drafter does not know is ErrInvalid and named.",
		Run:  checkUnknownParam,
	},
	{
		Name: "attach/target",
		Doc:  "A target that cannot be is ErrInvalid, and its field is named.",
		Run:  checkBadTarget,
	},
}

func checkInfo(ctx context.Context, env *Env) error {
	info, err := env.Drafter.Info(ctx)
	if err != nil {
		return err
	}
	if err := info.Check(base.KindDrafter); err != nil {
		return err
	}
	if info.Name == "" || info.Version == "" {
		return fmt.Errorf("name %q and version %q must not be empty", info.Name, info.Version)
	}
	again, err := env.Drafter.Info(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(info, again) {
		return fmt.Errorf("info changed from %+v to %+v", info, again)
	}
	return nil
}

func checkHealth(ctx context.Context, env *Env) error {
	before, err := env.Drafter.Health(ctx)
	if err != nil {
		return err
	}
	after, err := env.Drafter.Health(ctx)
	if err != nil {
		return err
	}
	switch {
	case !before.OK || !after.OK:
		return fmt.Errorf("not OK: %q %q", before.Message, after.Message)
	case before.Uptime <= 0 || after.Uptime < before.Uptime:
		return fmt.Errorf("uptime went from %v to %v", before.Uptime, after.Uptime)
	}
	return nil
}

func checkDescribe(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		d, again := a.Describe(), a.Describe()
		if err := d.Check(env.target()); err != nil {
			return err
		}
		if d.MaxDraft != again.MaxDraft || !slices.Equal(d.Taps, again.Taps) || d.Memory != again.Memory ||
			d.Confident != again.Confident || d.Samples != again.Samples || d.Shares != again.Shares {
			return fmt.Errorf("the description changed from %+v to %+v", d, again)
		}
		return nil
	})
}

const strangeParam = "no_drafter_has_this"

func checkUnknownParam(ctx context.Context, env *Env) error {
	params := drafter.Params{strangeParam: "1"}
	maps.Copy(params, env.Params)
	a, err := env.Drafter.Attach(ctx, env.target(), params)
	if err == nil {
		err = a.Close()
	}
	return expectNaming(err, base.ErrInvalid, strangeParam)
}

func checkBadTarget(ctx context.Context, env *Env) error {
	for field, change := range map[string]func(*drafter.Target){
		"vocabulary": func(t *drafter.Target) { t.Vocabulary = 0 },
		"layers":     func(t *drafter.Target) { t.Layers = -1 },
		"width":      func(t *drafter.Target) { t.Width = drafter.MaxWidth + 1 },
		"context":    func(t *drafter.Target) { t.Context = 1 },
		"sessions":   func(t *drafter.Target) { t.Sessions = 0 },
		"path":       func(t *drafter.Target) { t.Path = "model.gguf" },
		"end_tokens": func(t *drafter.Target) { t.EndTokens = []drafter.Token{drafter.Token(t.Vocabulary)} },
	} {
		target := env.target()
		change(&target)
		a, err := env.Drafter.Attach(ctx, target, env.Params)
		if err == nil {
			err = errors.Join(a.Close(), errors.New("attached"))
		}
		if wrong := expectNaming(err, base.ErrInvalid, field); wrong != nil {
			return wrong
		}
	}
	return nil
}
