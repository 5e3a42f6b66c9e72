package manifest

import "strings"

// maxPlaces is how many places for a key are worth naming.
const maxPlaces = 3

// placesOf are the places below an object where a key is known, if there are few:
// whoever writes pre_start in a service means that of its deployment.
func placesOf(o *Object, name string) (places []string) {
	type place struct {
		object *Object
		path   []string
	}
	level := []place{{o, nil}}
	for len(level) > 0 {
		var next []place
		for _, at := range level {
			for i := range at.object.Keys {
				row := at.object.Keys[i]
				if row.Type.Object == nil || row.AliasOf != "" {
					continue
				}
				below := place{row.Type.Object, append(at.path[:len(at.path):len(at.path)], row.Name)}
				if below.object.find(name) >= 0 {
					places = append(places, strings.Join(below.path, "."))
				}
				next = append(next, below)
			}
		}
		level = next
	}
	if len(places) > maxPlaces {
		return nil
	}
	return places
}
