-- What the server takes when no client has a part in it: sort, compress, write.
INSERT INTO insert_select.hits SELECT * FROM insert_ours.hits
