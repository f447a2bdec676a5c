package s3

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

func (c Config) credentials() *credentials.Credentials {
	if c.AccessKey != "" {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	places := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{Profile: c.Profile}}
	if c.Profile != "" { // who names a profile does not mean what the environment holds
		slices.Reverse(places)
	}
	if hasMetadata() {
		places = append(places, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}})
	}
	return credentials.New(keyed{&credentials.Chain{Providers: places}})
}

// hasMetadata tells whether web identity, container and machine are to be asked for credentials. The environment can forbid the
// last, which where there is nobody to answer saves seconds.
func hasMetadata() bool {
	for _, name := range []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")
}

// errNoKeys says that none of the places has keys, or has them now.
var errNoKeys = errors.New("there are no credentials for S3")

// keyed makes an error of having no keys. The library would ask as nobody then, and what is refused to nobody would look as if it were
// refused to realmport: all objects, because the keys of a role could not be renewed for a moment.
type keyed struct{ credentials.Provider }

// RetrieveWithCredContext implements credentials.Provider.
func (k keyed) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	value, err := k.Provider.RetrieveWithCredContext(cc)
	if err == nil && (value.SignerType.IsAnonymous() || value.AccessKeyID == "") {
		return credentials.Value{}, errNoKeys
	}
	return value, err
}

// Retrieve implements credentials.Provider.
func (k keyed) Retrieve() (credentials.Value, error) { return k.RetrieveWithCredContext(nil) }
