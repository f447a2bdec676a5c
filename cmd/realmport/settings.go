package main

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/config"
)

// settingFlags are the flags of the service's settings. Their names and help come from the table of the configuration.
type settingFlags struct {
	Config string `type:"path" placeholder:"FILE" help:"The configuration file, in YAML. docs/configuration.md lists the settings."`
	kong.Plugins
}

func newSettingFlags() settingFlags { return settingFlags{Plugins: kong.Plugins{settingsStruct()}} }

// settingsStruct makes a struct with a text field for each setting, tagged as kong wants it.
func settingsStruct() any {
	var fields []reflect.StructField
	for i, s := range config.Describe() {
		help := s.Help + " [" + s.Env + "]"
		if s.Default != "" {
			help += " Default: " + s.Default + "."
		}
		tag := `name:` + strconv.Quote(s.Flag) + ` placeholder:` + strconv.Quote(s.Form) + ` group:"Settings, also in the file and the environment:"` +
			` help:` + strconv.Quote(strings.ReplaceAll(help, "$", "$$"))
		fields = append(fields, reflect.StructField{
			Name: "Setting" + strconv.Itoa(i), Type: reflect.TypeFor[*string](), Tag: reflect.StructTag(tag),
		})
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// given returns the settings that were given as flags, by key.
func (f *settingFlags) given() map[string]string {
	values := map[string]string{}
	v := reflect.ValueOf(f.Plugins[0]).Elem()
	for i, s := range config.Describe() {
		if text, ok := v.Field(i).Interface().(*string); ok && text != nil {
			values[s.Key] = *text
		}
	}
	return values
}

// load reads the configuration from the file, the environment and the flags.
func (f *settingFlags) load(m *Main) (*config.Config, error) {
	from := config.Sources{FileName: f.Config, Env: m.Env, Names: m.EnvNames, Flags: f.given()}
	if f.Config != "" {
		text, err := os.ReadFile(f.Config)
		if err != nil {
			return nil, realmport.Errorf(codeOfFile(err), "cannot read the configuration file: %w", err)
		}
		from.File = text
	}
	return config.Load(from)
}

func codeOfFile(err error) realmport.Code {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return realmport.NotFound
	case errors.Is(err, fs.ErrPermission):
		return realmport.NotAllowed
	default:
		return realmport.Internal
	}
}
