"""`deskbell simulate`: the recorded past played again through the real desk under other settings; what rings then?"""
