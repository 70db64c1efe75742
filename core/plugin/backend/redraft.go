package backend

import "context"

// Redrafter is a backend that announces CapRedraft: a model that lost its drafter can be given one again. Proxies
// implement it for all backends; without the capability it is ErrUnsupported.
type Redrafter interface {
	// Redraft uses up the ticket of a drafter's link and has it draft for a model that was loaded with a drafter, in place of
	// what drafts now, if anything still does. Requests that the old one drafted for go on without; those that begin after it has
	// returned are drafted for. With an error all stays as it was.
	//
	// Errors: ErrModelNotLoaded, ErrInvalid (the model was loaded without a drafter), ErrDrafter (this one cannot be used, or
	// not in the place of the first: it taps other layers).
	Redraft(ctx context.Context, id ModelID, drafter Link) error
}
