mod broken;
