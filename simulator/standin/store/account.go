package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Credits is how many appointments the account can still pay for.
func (tx *Tx) Credits() (int, error) {
	return one(tx, number, `SELECT credits FROM account`)
}

// SetCredits sets them.
func (tx *Tx) SetCredits(n int) error {
	tx.changed(KindAccount, 1)
	return tx.execOne(`UPDATE account SET credits = ?`, n)
}

// Reset empties the state: appointments, webhooks with their deliveries, events
// and API keys. The account then has the given credits.
func (tx *Tx) Reset(credits int) error {
	for _, table := range []string{"appointments", "webhooks", "events", "api_keys"} {
		if _, err := tx.exec(`DELETE FROM ` + table); err != nil {
			return err
		}
	}
	tx.changed(KindAppointment, 0)
	tx.changed(KindWebhook, "")
	return tx.SetCredits(credits)
}

// APIKey is what a key made by the stand-in is limited to. A key that the
// stand-in has not made may do everything.
type APIKey struct {
	Hint           string    `json:"hint"`
	Scopes         []string  `json:"scopes"`
	OrganizationID int64     `json:"organizationId,omitempty"`
	Departments    []int64   `json:"departments,omitempty"`
	RequestsAnHour int       `json:"requestsAnHour,omitempty"`
	CreatedAt      time.Time `json:"createdAt"`
	ExpiresAt      time.Time `json:"expiresAt,omitzero"`
}

// AddAPIKey keeps what key may do. The key itself is not kept, only its digest.
func (tx *Tx) AddAPIKey(key string, k APIKey) error {
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	departments, err := json.Marshal(k.Departments)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	_, err = tx.exec(`INSERT INTO api_keys (digest, hint, scopes, organization_id, departments, requests_an_hour, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		digest(key), k.Hint, string(scopes), k.OrganizationID, string(departments), k.RequestsAnHour, nanos(k.CreatedAt), nanos(k.ExpiresAt))
	return err
}

// APIKey is what key may do, or ErrNotFound for one that was not made here.
func (tx *Tx) APIKey(key string) (APIKey, error) {
	return one(tx, scanAPIKey, `SELECT hint, scopes, organization_id, departments, requests_an_hour, created_at, expires_at
		FROM api_keys WHERE digest = ?`, digest(key))
}

func scanAPIKey(row scanner) (k APIKey, err error) {
	var scopes, departments string
	var created, expires int64
	if err := row.Scan(&k.Hint, &scopes, &k.OrganizationID, &departments, &k.RequestsAnHour, &created, &expires); err != nil {
		return k, err
	}
	k.CreatedAt, k.ExpiresAt = instant(created), instant(expires)
	if err := json.Unmarshal([]byte(scopes), &k.Scopes); err != nil {
		return k, err
	}
	return k, json.Unmarshal([]byte(departments), &k.Departments)
}

func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
