package httpapi

import (
	"github.com/realmport/realmport"
)

// createExport is POST /export/realm (api.md §1.2, §1.3).
func (c *call) createExport() error {
	t := realmport.Public
	if raw, ok := c.get("export_type"); ok {
		var err error
		if t, err = c.api.wire.parseExportType(raw); err != nil {
			return err
		}
	}
	id, err := c.api.o.Exports.Create(c.ctx(), c.user, t)
	if err != nil {
		return err
	}
	return c.succeed(c.withIgnored([]field{{"id", id}}, "export_type")...)
}

// withIgnored adds the names of the parameters that are not supported, if there are any.
func (c *call) withIgnored(fields []field, supported ...string) []field {
	if others := c.others(supported...); len(others) > 0 {
		fields = append(fields, field{"ignored_parameters_unsupported", others})
	}
	return fields
}

// listExports is GET /export/realm (api.md §1.5).
func (c *call) listExports() error {
	list, err := c.api.o.Exports.List(c.ctx(), c.user)
	if err != nil {
		return err
	}
	return c.succeed(field{"exports", c.api.wire.exports(list, c.realm)})
}

// deleteExport is DELETE /export/realm/{id} (api.md §1.6).
func (c *call) deleteExport() error {
	if err := c.api.o.Exports.Delete(c.ctx(), c.user, c.id()); err != nil {
		return err
	}
	return c.succeed()
}

// wireConsent is a member of the list of consents.
type wireConsent struct {
	UserID    int64 `json:"user_id"`
	Consented bool  `json:"consented"`
	// EmailAddressVisibility is there from feature level 430 on.
	EmailAddressVisibility *int `json:"email_address_visibility,omitzero"`
}

// listConsents is GET /export/realm/consents (api.md §1.10).
func (c *call) listConsents() error {
	list, err := c.api.o.Exports.Consents(c.ctx(), c.user)
	if err != nil {
		return err
	}
	out := make([]wireConsent, len(list))
	for i, consent := range list {
		out[i] = wireConsent{UserID: consent.UserID, Consented: consent.Consented}
		if c.api.o.FeatureLevel >= visibleAddresses {
			out[i].EmailAddressVisibility = &consent.EmailVisibility
		}
	}
	return c.succeed(field{"export_consents", out})
}

// consentSetting is the user setting that says whether a user's private data may be exported.
const consentSetting = "allow_private_data_export"

// changeSettings is PATCH /settings, of which realmport knows one (api.md §6).
func (c *call) changeSettings() error {
	if c.user.Bot != realmport.Human { // before the parameters are read
		return realmport.Errorf(realmport.Invalid, "This endpoint does not accept bot requests.")
	}
	if raw, ok := c.get(consentSetting); ok {
		consents, err := parseBool(consentSetting, raw)
		if err != nil {
			return err
		}
		if err := c.api.o.Exports.SetConsent(c.ctx(), c.user, consents); err != nil {
			return err
		}
	}
	return c.succeed(c.withIgnored(nil, consentSetting)...)
}
