package httpapi

import (
	_ "embed"
	"encoding/json"
	"net/http"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var openAPI []byte

// openAPIAsJSON is the description as JSON.
func openAPIAsJSON() ([]byte, error) {
	var v any
	if err := yaml.Unmarshal(openAPI, &v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (c *call) openAPIYAML() error {
	c.write(http.StatusOK, "application/yaml", openAPI)
	return nil
}

func (c *call) openAPIJSON() error {
	c.write(http.StatusOK, "application/json", c.api.openAPI)
	return nil
}
