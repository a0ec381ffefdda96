package api

import (
	"errors"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Scope is something that an API key may do.
type Scope string

// The scopes of moncreneau's API keys. APIAdmin includes all others (assumed).
const (
	AppointmentsRead   Scope = "appointments:read"
	AppointmentsCreate Scope = "appointments:create"
	AppointmentsCancel Scope = "appointments:cancel"
	DepartmentsRead    Scope = "departments:read"
	AvailabilityCheck  Scope = "availability:check"
	UsersRead          Scope = "users:read"
	WebhooksManage     Scope = "webhooks:manage"
	APIAdmin           Scope = "api:admin"
)

// Scopes lists them all.
func Scopes() []Scope {
	return []Scope{AppointmentsRead, AppointmentsCreate, AppointmentsCancel, DepartmentsRead, AvailabilityCheck, UsersRead, WebhooksManage, APIAdmin}
}

// KeyPrefix begins every API key.
const KeyPrefix = "mk_"

// credential is the key of a request: X-API-Key, as the samples and the
// libraries send it, or Authorization: Bearer, as some pages say.
func (c *call) credential() (string, error) {
	key := c.r.Header.Get("X-API-Key")
	if authorization := c.r.Header.Get("Authorization"); key == "" && authorization != "" {
		scheme, token, ok := strings.Cut(authorization, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
			return "", problem.New(problem.InvalidTokenFormat, "Authorization: want Bearer and an API key")
		}
		key = strings.TrimSpace(token)
	}
	switch {
	case key == "":
		return "", problem.New(problem.MissingAPIKey, "X-API-Key is missing: any key that begins with %s will do", KeyPrefix)
	case !strings.HasPrefix(key, KeyPrefix) || len(key) == len(KeyPrefix):
		return "", problem.New(problem.InvalidAPIKey, "the API key is not one of moncreneau's: want one that begins with %s", KeyPrefix)
	}
	return key, nil
}

// admit lets a request in whose key may do what scope says and has not used up
// its rate limit. A key that was not made here may do everything.
func (c *call) admit(scope Scope) error {
	key, err := c.credential()
	if err != nil {
		return err
	}
	var limited store.APIKey
	err = c.api.Store.Do(c.ctx(), func(tx *store.Tx) (err error) {
		limited, err = tx.APIKey(key)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	known := err == nil
	if known && !limited.ExpiresAt.IsZero() && !c.api.Clock.Now().Before(limited.ExpiresAt) {
		return problem.New(problem.ExpiredAPIKey, "the API key has expired").With("expiredAt", limited.ExpiresAt)
	}
	limit := c.api.RateLimit
	if limited.RequestsAnHour > 0 {
		limit = anHour(limited.RequestsAnHour)
	}
	if err := c.api.limits.take(key, limit, c.w.Header()); err != nil {
		return err
	}
	if !known {
		return nil
	}
	if !slices.Contains(limited.Scopes, string(scope)) && !slices.Contains(limited.Scopes, string(APIAdmin)) {
		return problem.New(problem.InsufficientScope, "the API key lacks the scope %s", scope).With("requiredScope", scope)
	}
	c.access = booking.Access{OrganizationID: limited.OrganizationID, Departments: limited.Departments}
	return nil
}
