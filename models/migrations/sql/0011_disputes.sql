-- Room on each page: a claim changes nothing that is indexed, and so writes no index entry where its page has room.
ALTER TABLE dispute SET (fillfactor = 80);
