package demo

import "fmt"

// poster is the file of a message that will be sent later.
const poster = "yearly-meeting-poster.png"

// loadAttachments loads the files that messages link to, and writes them.
func (o *organization) loadAttachments(s sink) error {
	columns := []string{"id", "file_name", "path_id", "owner_id", "realm_id", "create_time", "size", "content_type", "is_realm_public", "is_web_public"}
	var id int64
	err := o.copy(s, "zerver_attachment", columns, func(w writer, p *post) error {
		if !p.hasUpload() {
			return nil
		}
		for _, u := range p.speech().uploads {
			id++
			content, kind := u.content()
			o.uploaded[o.number(p.at)] += int64(len(content))
			public := p.to != nil && !p.to.secret
			write(w, id, u.name, u.path, p.from.id, OrganizationRealm, p.at, len(content), kind, public, public && p.to.web)
			if err := o.files.write("files/"+u.path, content, p.at); err != nil {
				return err
			}
		}
		return nil
	})
	o.result.Attachments = id
	if err != nil {
		return err
	}
	return o.linkAttachments(s)
}

// linkAttachments loads which message links to which file.
func (o *organization) linkAttachments(s sink) error {
	var id int64
	return o.copy(s, "zerver_attachment_messages", []string{"id", "attachment_id", "message_id"}, func(w writer, p *post) error {
		if p.hasUpload() {
			for range p.speech().uploads {
				id++
				writeInts(w, id, id, p.id)
			}
		}
		return nil
	})
}

// scheduledUpload returns the rows of the poster, whose message was not sent yet.
func (o *organization) scheduledUpload(owner *member, scheduled int64) ([]row, error) {
	u := upload{name: poster, seed: 42, path: fmt.Sprintf("%d/2a/%s/%s", OrganizationRealm, fakeKey("poster", 1)[:24], poster)}
	content, kind := u.content()
	id := o.result.Attachments + 1
	rows := []row{
		{table: "zerver_attachment", values: values{
			"id": id, "file_name": u.name, "path_id": u.path, "owner_id": owner.id, "realm_id": OrganizationRealm, "create_time": o.end(), "size": len(content),
			"content_type": kind, "is_realm_public": false, "is_web_public": false,
		}},
		{table: "zerver_attachment_scheduled_messages", values: values{"id": int64(1), "attachment_id": id, "scheduledmessage_id": scheduled}},
	}
	o.result.Attachments = id
	return rows, o.files.write("files/"+u.path, content, o.end())
}
